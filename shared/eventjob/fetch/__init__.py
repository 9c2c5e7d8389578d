"""The guarded client: what is fetched from the web comes through here, or not at all."""
