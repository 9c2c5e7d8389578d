"""The archiver: builds ZIPs from stored artifacts."""
