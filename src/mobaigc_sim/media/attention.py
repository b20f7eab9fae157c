"""Cross-attention maps of a diffusers UNet: which word made which part of the picture.

Shapes: B pictures, Q queries (positions), K tokens, (H, W) the latent grid.

The map of a token is DAAM's (Tang et al., ACL 2023, arXiv:2210.04885): the softmax probabilities of every
cross-attention layer, summed over denoising steps, brought to the latent grid, averaged over heads and layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Sink = Callable[[str, Tensor], None]


class RecordingProcessor:
    """A diffusers attention processor that hands the head-averaged probabilities (B, Q, K) to a sink."""

    def __init__(self, name: str, sink: Sink) -> None:
        self.name = name
        self.sink = sink

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        **_: Any,
    ) -> Tensor:
        """Plain softmax attention of `diffusers.models.attention_processor.Attention`, hidden states (B, Q, C)."""
        residual = hidden_states
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        batch = hidden_states.shape[0]
        attention_mask = attn.prepare_attention_mask(attention_mask, context.shape[1], batch)
        query = attn.head_to_batch_dim(attn.to_q(hidden_states))
        key = attn.head_to_batch_dim(attn.to_k(context))
        value = attn.head_to_batch_dim(attn.to_v(context))
        probs = attn.get_attention_scores(query, key, attention_mask)
        self.sink(self.name, probs.reshape(batch, -1, *probs.shape[1:]).mean(1))
        out = attn.batch_to_head_dim(torch.bmm(probs, value))
        out = attn.to_out[1](attn.to_out[0](out))
        if attn.residual_connection:
            out = out + residual
        scaled: Tensor = out / attn.rescale_output_factor
        return scaled


@contextmanager
def recording(unet: Any, sink: Sink) -> Iterator[None]:
    """Send the cross-attention probabilities of every UNet call inside the block to `sink(layer, probs_BQK)`."""
    before = dict(unet.attn_processors)
    unet.set_attn_processor(
        {n: RecordingProcessor(n, sink) if n.endswith("attn2.processor") else p for n, p in before.items()}
    )
    try:
        yield
    finally:
        unet.set_attn_processor(before)


class AttentionAccumulator:
    """Sums the probabilities of one batch over denoising steps, the conditional half only.

    Works for every UNet whose levels halve the latent grid (rounding up), square or not.
    """

    def __init__(self, batch: int, latent_hw: tuple[int, int]) -> None:
        self.batch = batch
        self.latent_hw = latent_hw
        self._sum: dict[str, Tensor] = {}

    def __call__(self, layer: str, probs: Tensor) -> None:
        """Sink for `recording`: the conditional pictures are the last `batch` rows, which are all without guidance."""
        conditional = probs[-self.batch :].detach().float()
        self._sum[layer] = self._sum[layer] + conditional if layer in self._sum else conditional

    def maps(self) -> Tensor:
        """Token maps (B, K, H, W): mean over layers of the sums over steps, bilinear to the latent grid.

        Raises ValueError when nothing was recorded, or a layer's grid is no level of the latent grid.
        """
        if not self._sum:
            raise ValueError("no cross-attention was recorded: was the pipeline run inside `recording`?")
        total: Tensor | None = None
        for layer, probs in self._sum.items():
            grid = probs.transpose(1, 2).reshape(self.batch, -1, *self._grid_of(layer, probs.shape[1]))
            up = F.interpolate(grid, size=self.latent_hw, mode="bilinear", align_corners=False)
            total = up if total is None else total + up
        assert total is not None
        return total / len(self._sum)

    def _grid_of(self, layer: str, queries: int) -> tuple[int, int]:
        """Rows and columns of a layer with so many queries: the latent grid, halved as often as it takes."""
        h, w = self.latent_hw
        while h * w > queries and max(h, w) > 1:
            h, w = -(-h // 2), -(-w // 2)
        if h * w != queries:
            raise ValueError(f"layer {layer}: {queries} queries are no level of the latent grid {self.latent_hw}")
        return h, w
