"""Masked set encoder: one vector per user, whatever the number and order of users.

Each user token attends to its own keep ratios (its content tokens), is told the state of the cell, and then attends
to the other users (never across the batch). Keys and values of the content are linear in an embedding of E ≪ W
numbers, so the key map is folded into the query and the value map into the output: the same function as the usual
multi-head attention (Vaswani et al., "Attention is all you need", 2017) at E/W of its cost. Self-attention layers
are pre-LN (Xiong et al., "On layer normalization in the transformer architecture", 2020).

Most tokens are padding most of the time. All layers work on the users that there are, in one list; only for
self-attention they are laid out by observation.

Shapes: B batch, N tokens, P users of the whole batch, M most users of an observation, K keep ratios, W width, H heads,
D = W/H, E width of the content embedding.
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
        row_P, place_P = mask_BN.nonzero(as_tuple=True)
        x_PW = self.users(tokens.users_NF[row_P, place_P]) + self.cell(tokens.cell_G)[row_P]
        if self.content is not None:
            x_PW = x_PW + self.content(x_PW, tokens.content_NKC[row_P, place_P])
        most = int(place_P.max()) + 1 if len(place_P) else 1
        hidden_B11M = (~mask_BN[:, :most] * HIDDEN)[:, None, None, :]
        for layer in self.layers:
            x_PW = layer(x_PW, row_P, place_P, hidden_B11M)
        h_BNW = x_PW.new_zeros(*mask_BN.shape, self.width)
        h_BNW[row_P, place_P] = self.norm(x_PW)
        return h_BNW, mask_BN


class ContentAttention(nn.Module):
    """Cross-attention of each user to its own keep ratios."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.embed = nn.Linear(CONTENT_FEATURES, CONTENT_WIDTH)
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, heads * CONTENT_WIDTH)
        self.out = nn.Linear(heads * CONTENT_WIDTH, width)

    def forward(self, x_PW: Tensor, content_PKC: Tensor) -> Tensor:
        """What each user (P, W) reads in its content (P, K, C): (P, W)."""
        embedded_P1KE = F.relu(self.embed(content_PKC)).unsqueeze(1)
        query_P1HE = self.query(self.norm(x_PW)).view(-1, 1, self.heads, CONTENT_WIDTH)
        read_P1HE = F.scaled_dot_product_attention(query_P1HE, embedded_P1KE, embedded_P1KE)
        read_PW: Tensor = self.out(read_P1HE.reshape(-1, self.heads * CONTENT_WIDTH))
        return read_PW


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

    def forward(self, x_PW: Tensor, row_P: Tensor, place_P: Tensor, hidden_B11M: Tensor) -> Tensor:
        """Users (P, W), each at a place of a row, after attention and feed-forward.

        `hidden_B11M` is added to the logits.
        """
        batch, most, width = len(hidden_B11M), hidden_B11M.shape[-1], x_PW.shape[-1]
        own_BMX = x_PW.new_zeros(batch, most, 3 * width)
        own_BMX[row_P, place_P] = self.query_key_value(self.norm_in(x_PW))
        own_3BHMD = own_BMX.view(batch, most, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query_BHMD, key_BHMD, value_BHMD = own_3BHMD.unbind(0)
        mixed_BHMD = F.scaled_dot_product_attention(query_BHMD, key_BHMD, value_BHMD, attn_mask=hidden_B11M)
        x_PW = x_PW + self.out(mixed_BHMD.transpose(1, 2)[row_P, place_P].flatten(1))
        fed: Tensor = x_PW + self.back(F.relu(self.feed(self.norm_out(x_PW))))
        return fed
