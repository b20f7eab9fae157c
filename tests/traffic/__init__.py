"""Tests of mobaigc_sim.traffic."""
