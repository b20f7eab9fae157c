"""Reinforcement-learning baselines: Stable-Baselines3 agents with their usual MLP, or with the set encoder of ADD."""
