"""Text-to-image generation with one attention map a prompt word, batched over prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MobaigcError
from .autoencoder import decode_latents, to_pictures
from .model_set import ModelSet
from .words import check_vocabulary, token_spans


class RefusedPictureError(MobaigcError):
    """A picture that the model set's own safety checker refuses."""


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

    Without a safety checker in the model set none is asked; with one, a picture it refuses is an error and not a black
    picture that would be sent and scored. Guidance of 1 and below runs without the unconditional half, as turbo models
    want it. Raises UnknownWordError for a prompt the tokenizer would cut, RefusedPictureError.
    """
    for prompt in prompts:
        check_vocabulary(prompt, models.text_to_image.tokenizer)
    requests = list(zip(prompts, seeds, strict=True))
    parts = (requests[i : i + models.batch] for i in range(0, len(requests), models.batch))
    return [one for part in parts for one in _draw(models, part, steps, guidance)]


def _draw(models: ModelSet, requests: list[tuple[str, int]], steps: int, guidance: float) -> list[Generated]:
    import torch

    from .attention import AttentionAccumulator, recording

    pipeline = models.text_to_image
    accumulator = AttentionAccumulator(len(requests), models.latent_hw)
    height, width = models.size_hw
    with torch.inference_mode():
        with recording(pipeline.unet, accumulator):
            latents = pipeline(
                [prompt for prompt, _ in requests],
                height=height,
                width=width,
                num_inference_steps=steps,
                guidance_scale=guidance,
                generator=[torch.Generator("cpu").manual_seed(seed) for _, seed in requests],
                output_type="latent",
            ).images
        decoded = decode_latents(models, latents)
        _ask_safety_checker(pipeline, decoded, requests)
    images, maps = to_pictures(decoded), accumulator.maps().cpu().numpy()
    return [
        Generated(prompt, seed, images[i], word_maps(prompt, maps[i], pipeline.tokenizer))
        for i, (prompt, seed) in enumerate(requests)
    ]


def _ask_safety_checker(pipeline: Any, decoded: Any, requests: list[tuple[str, int]]) -> None:
    if getattr(pipeline, "safety_checker", None) is None:
        return
    _, refused = pipeline.run_safety_checker(decoded * 2 - 1, pipeline.device, pipeline.unet.dtype)
    for (prompt, seed), flag in zip(requests, refused, strict=True):
        if flag:
            raise RefusedPictureError(
                f"the safety checker of the model set refused the picture of '{prompt}' with seed {seed}; "
                "ask for something else"
            )


def word_maps(prompt: str, token_maps_KHW: NDArray[np.float32], tokenizer: object) -> dict[str, NDArray[np.float32]]:
    """Token maps → word maps: mean over a word's tokens, sum over its repetitions."""
    maps: dict[str, NDArray[np.float32]] = {}
    for word, positions in token_spans(prompt, tokenizer):
        if positions and word:
            found = token_maps_KHW[positions].mean(0)
            maps[word] = maps[word] + found if word in maps else found
    return maps
