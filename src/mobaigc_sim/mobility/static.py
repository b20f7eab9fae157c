"""Users that stand still."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..registry import PluginConfig
from .base import Area, Kinematics, MobilityModel, mobility


class StaticConfig(PluginConfig):
    """Users that stand still, dropped uniformly over the area."""

    kind: Literal["static"] = "static"
    """Name of the model."""


@mobility.register("static")
class Static(MobilityModel):
    """Users that stand still, dropped uniformly over the area."""

    Config = StaticConfig

    def __init__(self, config: StaticConfig, n_ue: int, area: Area, rng: np.random.Generator) -> None:
        super().__init__(config, n_ue, area, rng)
        self._position_m_U2 = np.array([area.uniform(own) for own in self._rng_U]).reshape(n_ue, 2)

    def _kinematics(self, now_ns: int) -> Kinematics:
        return Kinematics(self._position_m_U2.copy(), np.zeros((self.n_ue, 2)), np.zeros(self.n_ue))
