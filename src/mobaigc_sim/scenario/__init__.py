"""Scenario files: read, checked with the place of every problem, composed from the rooms' configurations, dumped."""
