"""ADD, a diffusion policy over a set of users, trained with Stable-Baselines3; another way to train it beside."""

from .algorithm import ADD
from .checkpoint import CheckpointError, SaveCheckpoint
from .off_policy import OffPolicyADD
from .off_policy_nets import OffPolicyADDPolicy
from .policy import ADDPolicy

__all__ = [
    "ADD",
    "ADDPolicy",
    "CheckpointError",
    "OffPolicyADD",
    "OffPolicyADDPolicy",
    "SaveCheckpoint",
]
