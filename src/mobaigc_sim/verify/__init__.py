"""Checks of the models against closed forms, published tables and stored references, on the machine they run on."""
