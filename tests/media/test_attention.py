"""Attention capture against an explicit softmax, and the sums that make DAAM's maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from mobaigc_sim.media.attention import AttentionAccumulator, recording

TOKENS, WIDTH, HEADS = 7, 12, 2


@pytest.fixture(scope="module")
def unet() -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=HEADS,
        norm_num_groups=4,
    ).eval()


@pytest.fixture(scope="module")
def inputs() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn((2, 4, 8, 8), generator=generator), torch.randn((2, TOKENS, WIDTH), generator=generator)


def test_recording_changes_nothing_and_is_undone(unet: UNet2DConditionModel, inputs: tuple[Tensor, Tensor]) -> None:
    latents, words = inputs
    before = dict(unet.attn_processors)
    with torch.no_grad():
        plain = unet(latents, 500, words).sample
        with recording(unet, lambda *_: None):
            recorded = unet(latents, 500, words).sample
    torch.testing.assert_close(recorded, plain, rtol=1e-4, atol=1e-5)
    assert unet.attn_processors == before


def test_probabilities_are_the_softmax_of_query_times_key(
    unet: UNet2DConditionModel, inputs: tuple[Tensor, Tensor]
) -> None:
    latents, words = inputs
    layer = unet.down_blocks[0].attentions[0].transformer_blocks[0].attn2
    queries: list[Tensor] = []
    handle = layer.to_q.register_forward_hook(lambda _, __, out: queries.append(out))
    got: dict[str, Tensor] = {}
    with torch.no_grad(), recording(unet, got.__setitem__):
        unet(latents, 500, words)
    handle.remove()
    q = queries[0].unflatten(-1, (HEADS, -1)).transpose(1, 2)
    k = layer.to_k(words).unflatten(-1, (HEADS, -1)).transpose(1, 2)
    explicit = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1).mean(1)
    name = next(n for n in got if n.startswith("down_blocks.0.attentions.0"))
    torch.testing.assert_close(got[name], explicit, rtol=1e-4, atol=1e-6)


def test_maps_keep_the_conditional_half_and_add_up_to_one_over_tokens(
    unet: UNet2DConditionModel, inputs: tuple[Tensor, Tensor]
) -> None:
    latents, words = inputs
    both = AttentionAccumulator(1, (8, 8))
    alone = AttentionAccumulator(1, (8, 8))
    with torch.no_grad():
        with recording(unet, both):
            unet(latents, 500, words)
        with recording(unet, alone):
            unet(latents[1:], 500, words[1:])
    np.testing.assert_allclose(both.maps().numpy(), alone.maps().numpy(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(both.maps().sum(1).numpy(), 1.0, rtol=1e-4)


def test_steps_are_summed(unet: UNet2DConditionModel, inputs: tuple[Tensor, Tensor]) -> None:
    latents, words = inputs
    maps = []
    for timesteps in ([200], [700], [200, 700]):
        accumulator = AttentionAccumulator(2, (8, 8))
        with torch.no_grad(), recording(unet, accumulator):
            for t in timesteps:
                unet(latents, t, words)
        maps.append(accumulator.maps().numpy())
    np.testing.assert_allclose(maps[2], maps[0] + maps[1], rtol=1e-4, atol=1e-6)


def test_maps_without_a_recording_are_an_error() -> None:
    with pytest.raises(ValueError, match="no cross-attention was recorded"):
        AttentionAccumulator(1, (8, 8)).maps()


@pytest.mark.parametrize(
    ("latent_hw", "levels"), [((8, 12), [(8, 12), (4, 6), (2, 3)]), ((5, 7), [(5, 7), (3, 4), (2, 2)])]
)
def test_layers_of_every_resolution_come_to_the_latent_grid_upright(
    latent_hw: tuple[int, int], levels: list[tuple[int, int]]
) -> None:
    h, w = latent_hw
    for rows, columns in levels:
        accumulator = AttentionAccumulator(1, latent_hw)
        down = torch.linspace(0, 1, rows)[:, None].expand(rows, columns)
        accumulator("layer", torch.stack([down.flatten(), 1 - down.flatten()], -1)[None])
        (maps,) = accumulator.maps()
        assert maps.shape == (2, h, w)
        np.testing.assert_allclose(maps.sum(0).numpy(), 1, atol=1e-6)
        np.testing.assert_allclose(maps[0].std(1).numpy(), 0, atol=1e-6)
        assert (maps[0].mean(1).diff() >= 0).all()
        np.testing.assert_allclose(maps[0].mean().item(), 0.5, atol=1e-6)


def test_a_layer_that_is_no_level_of_the_grid_is_an_error() -> None:
    accumulator = AttentionAccumulator(1, (8, 8))
    accumulator("mid", torch.ones(1, 10, 3))
    with pytest.raises(ValueError, match="layer mid: 10 queries are no level of the latent grid"):
        accumulator.maps()
