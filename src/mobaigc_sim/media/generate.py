"""Text-to-image generation with one attention map a prompt word, batched over prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .model_set import ModelSet
from .words import check_vocabulary, token_spans


@dataclass(frozen=True)
class Generated:
    """One picture: `image` (H, W, 3) uint8; `word_maps` word → (h, w) float32, DAAM sums on the latent grid."""

    prompt: str
    seed: int
    image: NDArray[np.uint8]
    word_maps: dict[str, NDArray[np.float32]]


def generate(
    models: ModelSet, prompts: Sequence[str], seeds: Sequence[int], *, steps: int, guidance: float
) -> list[Generated]:
    """Draw one picture for each (prompt, seed); a picture depends on its own prompt and seed only.

    Raises UnknownWordError for a prompt outside a closed vocabulary.
    """
    import torch

    from .attention import AttentionAccumulator, recording

    pipeline = models.text_to_image
    for prompt in prompts:
        check_vocabulary(prompt, pipeline.tokenizer)
    accumulator = AttentionAccumulator(len(prompts), (models.latent_px, models.latent_px))
    with torch.inference_mode(), recording(pipeline.unet, accumulator):
        pictures = pipeline(
            list(prompts),
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
            output_type="np",
        ).images
    maps = accumulator.maps().cpu().numpy()
    images = np.round(pictures * 255).astype(np.uint8)
    return [
        Generated(prompt, seed, images[i], word_maps(prompt, maps[i], pipeline.tokenizer))
        for i, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True))
    ]


def word_maps(prompt: str, token_maps_KHW: NDArray[np.float32], tokenizer: object) -> dict[str, NDArray[np.float32]]:
    """Token maps → word maps: mean over a word's tokens, sum over its repetitions."""
    maps: dict[str, NDArray[np.float32]] = {}
    for word, positions in token_spans(prompt, tokenizer):
        if positions and word:
            found = token_maps_KHW[positions].mean(0)
            maps[word] = maps[word] + found if word in maps else found
    return maps
