"""Where the rooms meet: one base station, its users, the image server and the phones as SimPy processes."""
