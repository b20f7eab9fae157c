"""Masked set encoder: one vector per user, whatever the number and order of users.

Each user token attends to its own keep ratios (its content tokens), is told the state of the cell, and then attends
to the other users (never across the batch). Keys and values of the content are linear in an embedding of E ≪ W
numbers, so the key map is folded into the query and the value map into the output: the same function as the usual
multi-head attention (Vaswani et al., "Attention is all you need", 2017) at E/W of its cost. Self-attention layers
are pre-LN (Xiong et al., "On layer normalization in the transformer architecture", 2020).

Shapes: B batch, N tokens, K keep ratios, W width, H heads, D = W/H, E width of the content embedding.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ..tokens import CELL_FEATURES, CONTENT_FEATURES, USER_FEATURES, TokenLayout, Tokens

CONTENT_WIDTH = 16
HIDDEN = -1e9
"""Added to the logits of padded tokens: their weight is exactly 0, and a row of nothing but padding stays finite."""


class SetEncoder(nn.Module):
    """Flat observations to one vector a user.

    Permuting the users permutes the result, padding changes nothing, and N is taken from the length of the vectors:
    only `layout.levels` is fixed by the weights. `content=False` leaves the content tokens out (for ablations).
    """

    def __init__(
        self, layout: TokenLayout, width: int = 64, heads: int = 2, layers: int = 1, *, content: bool = True
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of heads {heads}")
        self.layout = layout
        self.width = width
        self.heads = heads
        self.users = nn.Linear(USER_FEATURES, width)
        self.cell = nn.Linear(CELL_FEATURES, width, bias=False)
        self.content = ContentAttention(width, heads) if content else None
        self.layers = nn.ModuleList(SelfAttention(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def unpack(self, obs_BL: Tensor) -> Tokens:
        """The parts of observations of any number of tokens; ValueError if no number of tokens fits their length."""
        per_token = USER_FEATURES + self.layout.levels * CONTENT_FEATURES + 1
        tokens, rest = divmod(obs_BL.shape[-1] - CELL_FEATURES, per_token)
        if rest or tokens < 1:
            raise ValueError(
                f"observations of {obs_BL.shape[-1]} numbers are not {CELL_FEATURES} + N × {per_token} "
                f"({self.layout.levels} keep ratios)"
            )
        return TokenLayout(tokens, self.layout.levels).unpack(obs_BL)

    def forward(self, obs_BL: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors (B, N, W), zero for padding, and the mask (B, N), True where there is a user."""
        tokens = self.unpack(obs_BL)
        mask_BN = tokens.mask_N > 0.5
        x_BNW = self.users(tokens.users_NF) + self.cell(tokens.cell_G).unsqueeze(-2)
        if self.content is not None:
            x_BNW = x_BNW + self.content(x_BNW, tokens.content_NKC)
        hidden_B11N = ((tokens.mask_N <= 0.5) * HIDDEN)[:, None, None, :]
        for layer in self.layers:
            x_BNW = layer(x_BNW, hidden_B11N)
        return self.norm(x_BNW) * tokens.mask_N.unsqueeze(-1), mask_BN


class ContentAttention(nn.Module):
    """Cross-attention of each user to its own keep ratios."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.embed = nn.Linear(CONTENT_FEATURES, CONTENT_WIDTH)
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, heads * CONTENT_WIDTH)
        self.out = nn.Linear(heads * CONTENT_WIDTH, width)

    def forward(self, x_BNW: Tensor, content_BNKC: Tensor) -> Tensor:
        """What each user (B, N, W) reads in its content (B, N, K, C): (B, N, W)."""
        lead = x_BNW.shape[:-1]
        embedded_BNKE = F.relu(self.embed(content_BNKC)).flatten(0, 1).unsqueeze(1)
        query_BNHE = self.query(self.norm(x_BNW)).view(-1, 1, self.heads, CONTENT_WIDTH)
        read_BNHE = F.scaled_dot_product_attention(query_BNHE, embedded_BNKE, embedded_BNKE)
        read_BNW: Tensor = self.out(read_BNHE.reshape(*lead, self.heads * CONTENT_WIDTH))
        return read_BNW


class SelfAttention(nn.Module):
    """A pre-LN transformer layer over the users, with a ReLU feed-forward of twice the width."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_in = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_out = nn.LayerNorm(width)
        self.feed = nn.Linear(width, 2 * width)
        self.back = nn.Linear(2 * width, width)

    def forward(self, x_BNW: Tensor, hidden_B11N: Tensor) -> Tensor:
        """Users (B, N, W) after attention and feed-forward; `hidden_B11N` is added to the logits."""
        batch, tokens, width = x_BNW.shape
        packed = self.query_key_value(self.norm_in(x_BNW)).view(batch, tokens, 3, self.heads, width // self.heads)
        query_BHND, key_BHND, value_BHND = packed.permute(2, 0, 3, 1, 4).unbind(0)
        mixed_BHND = F.scaled_dot_product_attention(query_BHND, key_BHND, value_BHND, attn_mask=hidden_B11N)
        x_BNW = x_BNW + self.out(mixed_BHND.transpose(1, 2).reshape(batch, tokens, width))
        fed: Tensor = x_BNW + self.back(F.relu(self.feed(self.norm_out(x_BNW))))
        return fed
