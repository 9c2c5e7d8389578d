"""The projector: folds events into the documents that the api reads."""
