"""Attention-aware Deep Diffusion (ADD): a diffusion policy over a set of users, for inference with torch alone."""
