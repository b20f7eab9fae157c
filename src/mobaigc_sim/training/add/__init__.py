"""ADD, a diffusion policy over a set of users, trained with Stable-Baselines3; two other ways to train it beside."""

from .algorithm import ADD
from .checkpoint import CheckpointError, SaveCheckpoint
from .off_policy import OffPolicyADD
from .off_policy_nets import OffPolicyADDPolicy
from .on_policy import OnPolicyADD
from .on_policy_nets import OnPolicyADDPolicy
from .policy import ADDPolicy

__all__ = [
    "ADD",
    "ADDPolicy",
    "CheckpointError",
    "OffPolicyADD",
    "OffPolicyADDPolicy",
    "OnPolicyADD",
    "OnPolicyADDPolicy",
    "SaveCheckpoint",
]
