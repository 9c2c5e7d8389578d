"""What every process needs: settings, logs, a life with a beginning and an end."""
