"""What the API does, a module for each resource."""
