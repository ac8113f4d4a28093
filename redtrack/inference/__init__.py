"""One video to rows: crops, clip windows, and the engine that batches them. Knows nothing of runs over many videos."""
