"""Move the events of batches archived long ago into exports."""
