"""The slot kernel, compiled: what `plain_downlink` does with arrays of numpy, done by loops that numba compiles.

The functions change a `state.State` in place. Numba keeps the compiled code beside the sources (or in NUMBA_CACHE_DIR).
"""
