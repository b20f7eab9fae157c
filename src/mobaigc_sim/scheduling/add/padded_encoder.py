"""The usual MLP over the padded observation in the place of the set encoder, for ablations.

It is made for one number of tokens, and the order of users matters to it.

Shapes: B batch, N tokens, W width, L length of an observation.
"""

from __future__ import annotations

from torch import Tensor, nn

from ..tokens import TokenLayout, Tokens


class PaddedEncoder(nn.Module):
    """Flat observations to one vector a place."""

    def __init__(self, layout: TokenLayout, width: int) -> None:
        super().__init__()
        self.layout = layout
        self.body = nn.Sequential(
            nn.Linear(layout.size, 4 * width),
            nn.ReLU(),
            nn.Linear(4 * width, 4 * width),
            nn.ReLU(),
            nn.Linear(4 * width, layout.tokens * width),
            nn.Unflatten(-1, (layout.tokens, width)),
            nn.LayerNorm(width),
        )

    def unpack(self, obs_BL: Tensor) -> Tokens:
        """The parts of observations; ValueError for another length than that of the layout."""
        if obs_BL.shape[-1] != self.layout.size:
            raise ValueError(f"observations of {obs_BL.shape[-1]} numbers are not the {self.layout.size} trained on")
        return self.layout.unpack(obs_BL)

    def forward(self, obs_BL: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors (B, N, W), zero for padding, and the mask (B, N), True where there is a user."""
        mask_BN = self.unpack(obs_BL).mask_N
        return self.body(obs_BL) * mask_BN.unsqueeze(-1), mask_BN > 0.5
