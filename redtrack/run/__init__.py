"""Many videos to outcomes: names, locks, resuming, exports, the log and the display. Knows nothing of tensors."""
