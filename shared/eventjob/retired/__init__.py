"""The log including the events of retired batches, which lie in exports."""
