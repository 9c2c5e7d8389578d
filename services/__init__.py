"""The services: one folder each, started by the command line."""
