"""Training of learned schedulers."""
