"""Training of the landmark network: the three stages of the paper."""
