"""A trained ADD policy as a scheduler: the priced rule, corrected user by user by what the network says.

    log w[u] = log w[u] of the rule + r₀ · a[u, 0],    log price[u] = log price of the rule + r₁ · a[u, 1]

a is the network's action, r the range of its actions. The numbers of the rule and the range are those of the policy's
file, so a decision is the one the policy learned to make, bit for bit. Every user is seen: tokens are as many as users,
and at least as many as in training.

Shapes: U users, N tokens, L length of an observation, K keep ratios; the last axis of actions, 2, is a user's action.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from ...errors import MobaigcError, UnknownNameError
from ...registry import PluginConfig
from ..base import schedulers
from ..epoch import EpochDecision, EpochView, WeightScheduler
from ..tokens import TokenLayout

SUFFIX = ".safetensors"
POLICIES = Path(__file__).parent / "policies"


class PolicyError(MobaigcError):
    """A policy that cannot decide as the scenario asks."""


def policy_file(policy: str) -> Path:
    """The file of a policy, which need not exist if a file is named; raises UnknownNameError for a name not shipped."""
    if policy.endswith(SUFFIX):
        return Path(policy)
    if Path(policy).name != policy:
        raise ValueError(
            f"expected the name of a shipped policy, or a file whose name ends in {SUFFIX}, got '{policy}'"
        )
    shipped = {path.stem: path for path in POLICIES.glob(f"*{SUFFIX}")}
    if policy not in shipped:
        raise UnknownNameError("policy", policy, shipped)
    return shipped[policy]


def _known(policy: str) -> str:
    policy_file(policy)
    return policy


class AddSchedulerConfig(PluginConfig):
    """Blocks and keep ratios by the priced rule, corrected by a trained diffusion policy."""

    kind: Literal["add"] = "add"
    """Name of the scheduler."""
    policy: Annotated[str, AfterValidator(_known)]
    """Name of a shipped policy, or a file that ends in `.safetensors`; a relative path counts from the scenario file.
    The file also has the numbers of the priced rule."""
    candidates: Annotated[int, Field(ge=1)] = 1
    """Actions drawn for a decision; the critic takes the best of them and of the rule's own."""


@schedulers.register("add")
class Add(WeightScheduler):
    """Blocks and keep ratios by the priced rule, corrected by a trained diffusion policy.

    Raises WeightsError for a file that holds no policy, PolicyError for one that cannot do as the configuration asks.
    """

    Config = AddSchedulerConfig

    def __init__(self, config: AddSchedulerConfig) -> None:
        super().__init__()
        import torch

        from .network import load_policy

        self._file = policy_file(config.policy)
        self._candidates = config.candidates
        with torch.random.fork_rng(devices=[]):
            self._network, corrected = load_policy(self._file)
        self._rule, self._range_2 = corrected.rule, np.array(corrected.action_range)
        if config.candidates > 1 and not self._network.config.critic:
            raise PolicyError(
                f"{self._file}: has no critic to choose by; expected candidates 1, got {config.candidates}"
            )

    def decide(self, view: EpochView) -> EpochDecision:
        """Weights and keep ratios of the rule with the corrections of the network."""
        from ..compiled.features import choose_tokens, corrections, pack
        from ..compiled.price import empty_plan, plan

        n_ue, n_levels = view.bits_UK.shape
        if n_levels != self._network.config.levels:
            raise PolicyError(
                f"{self._file}: was trained on {self._network.config.levels} keep ratios, but the run has {n_levels}"
            )
        layout = TokenLayout(max(n_ue, self._network.config.tokens), n_levels)
        ue_N, flat_L = np.full(layout.tokens, -1), np.zeros(layout.size, np.float32)
        weight_U, price_U = np.zeros((2, n_ue))
        pricing, found = self._rule.pricing(view.keep_K), empty_plan(n_ue)
        plan(view, pricing, weight_U, price_U, found)
        if choose_tokens(view, ue_N):
            pack(view, pricing, found, ue_N, flat_L)
            corrections(self._act(flat_L), ue_N, self._range_2, weight_U, price_U)
            plan(view, pricing, weight_U, price_U, found)
        return EpochDecision(found.log_weight_U, found.level_U)

    def model_hashes(self) -> dict[str, str]:
        """SHA-256 of the policy's file."""
        with self._file.open("rb") as opened:
            return {f"scheduler/{self._file.name}": hashlib.file_digest(opened, "sha256").hexdigest()}

    def _act(self, flat_L: NDArray[np.float32]) -> NDArray[Any]:
        """Actions (N, 2) of the tokens; on one thread, since sums of several depend on how many there are."""
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            action_1N2 = self._network.act(torch.from_numpy(flat_L)[None], self._candidates, deterministic=True)
        finally:
            torch.set_num_threads(threads)
        return action_1N2[0].numpy()
