"""The embedded model set: its world, its weights, its training."""
