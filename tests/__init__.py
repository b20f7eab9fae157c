"""Tests of mobaigc_sim; folders mirror the package."""
