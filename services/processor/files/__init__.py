"""Download, identify and read the files of a session."""
