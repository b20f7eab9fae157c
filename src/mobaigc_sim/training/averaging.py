"""Weights averaged over training, by which a policy is evaluated and kept.

    average ← average + (1 − exp(−steps since / horizon)) · (weights − average)

Averages of iterates vary less than the last one: Polyak and Juditsky, "Acceleration of stochastic approximation by
averaging", SIAM J. Control Optim. 30(4), 1992; for diffusion models they are the custom since Ho et al., 2020.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class AveragedWeights:
    """The average of a module's tensors over about the last `horizon` steps; with 0, the tensors themselves."""

    def __init__(self, module: nn.Module, horizon: int, steps: int = 0) -> None:
        self._module, self._horizon, self.steps = module, horizon, steps
        self.tensors = _copies(module)

    def follow(self, steps: int) -> None:
        """Move towards the present weights, `steps` being those of training so far."""
        share = 1.0 if not self._horizon else -math.expm1((self.steps - steps) / self._horizon)
        self.steps = steps
        for name, tensor in self._module.state_dict().items():
            average = self.tensors[name]
            if share < 1.0 and tensor.is_floating_point():
                average.lerp_(tensor.detach(), share)
            else:
                average.copy_(tensor)

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """The module has the averages while this lasts."""
        own = _copies(self._module)
        self._module.load_state_dict(self.tensors)
        try:
            yield
        finally:
            self._module.load_state_dict(own)


def _copies(module: nn.Module) -> dict[str, Tensor]:
    with torch.no_grad():
        return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
