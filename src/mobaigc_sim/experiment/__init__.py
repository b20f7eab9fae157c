"""Runs of scenarios."""
