"""Simulated time, named random streams, and probes."""
