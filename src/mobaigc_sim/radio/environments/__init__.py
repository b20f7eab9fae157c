"""Large-scale propagation of TR 38.901, one module a kind of environment; `radio.pathloss` is the way in."""
