"""Tests of mobaigc_sim.scheduling.add."""
