"""What every process needs: settings, logs, signals and temporary files."""
