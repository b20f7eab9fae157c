"""Tests of mobaigc_sim.training.baselines."""
