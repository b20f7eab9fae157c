"""ADD, a diffusion policy over a set of users, trained with Stable-Baselines3."""

from .algorithm import ADD
from .checkpoint import CheckpointError, SaveCheckpoint
from .policy import ADDPolicy

__all__ = ["ADD", "ADDPolicy", "CheckpointError", "SaveCheckpoint"]
