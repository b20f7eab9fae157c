"""Training of the embedded model set, one stage a module."""
