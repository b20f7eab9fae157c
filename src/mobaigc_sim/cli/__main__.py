"""`python -m mobaigc_sim.cli`."""

from . import main

main()
