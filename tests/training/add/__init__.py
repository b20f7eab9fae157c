"""Tests of mobaigc_sim.training.add."""
