"""One image through the whole media stack, without a radio: the command `mobaigc-sim image`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..media.config import MediaConfig
from ..media.stack import Delivery, MediaStack
from .explain import explain_figure
from .style import save_sheet


def explain_image(
    prompt: str, *, keep: float, seed: int, loss: float, out: Path, media: MediaConfig | None = None
) -> dict[str, float]:
    """Generate, send, lose, recover and score one image, and draw it to `out`; returns the figures drawn.

    Each enhancement packet is lost with probability `loss`, independently; the base packet always arrives, because
    without it there is nothing to show. Raises UnknownWordError for a prompt the model set cannot draw.
    """
    stack = MediaStack(media or MediaConfig())
    (picture,) = stack.generate([prompt], [seed])
    base, *enhancements = stack.offer(picture, keep)
    lucky = np.random.default_rng(seed).random(len(enhancements)) >= loss
    arrived = [base, *(packet for packet, kept in zip(enhancements, lucky, strict=True) if kept)]
    (outcome,) = stack.finish([Delivery(picture, arrived)])
    facts = {
        "kept": float(picture.encoder.at(keep).kept_mask_RC.mean()),
        "sent_bytes": float(sum(map(len, [base, *enhancements]))),
        "whole_bytes": float(len(picture.whole)),
        "s": outcome.s,
        "q": outcome.q,
        "jpsq": outcome.jpsq,
        "psnr_db": outcome.psnr_db,
    }
    size = picture.image.shape[1::-1]
    alpha = np.where(outcome.known, 255, 0).astype(np.uint8)
    figure = explain_figure(
        prompt,
        picture.image,
        {word: _enlarge(m, size) for word, m in picture.word_maps.items() if picture.word_weights[word] > 0},
        _enlarge(picture.importance, size),
        np.dstack([outcome.received, alpha]),
        outcome.recovered,
        facts,
    )
    save_sheet(figure, out)
    return facts


def _enlarge(values: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))
