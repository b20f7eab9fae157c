"""Generate, encode, recover and score images with real models and real bytes."""
