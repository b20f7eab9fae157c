"""Figures and pictures of runs; matplotlib is imported in this room only."""
