"""Tests of mobaigc_sim.mobility."""
