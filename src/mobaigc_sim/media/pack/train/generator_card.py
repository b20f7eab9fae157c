"""The model card of the generator folder: written from what is measured on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...model_set import load_model_set
from .. import evaluate
from ..drawing import render
from ..judge import load_judges
from ..prompt_following import prompt_following, table
from ..scenes import sample_spec
from ..vocabulary import words
from .cards import Recipe, world
from .generator import ATTENTION_WEIGHT, CAPTION_DROPOUT, NOISE_MEAN, OBJECT_WEIGHT
from .vae import LATENT_CHANNELS, LATENT_NOISE, psnr_db

JUDGED = 120


def generator_card(out: Path, vae: Recipe, generator: Recipe, scenes: int, history: str = "") -> None:
    """Measure the model folder `out` and write its README.md; `history` says what the recipe alone does not."""
    load_model_set.cache_clear()
    models = load_model_set(str(out))
    rng = np.random.default_rng(generator.seed + 20_000)
    drawn = [render(sample_spec(rng), rng) for _ in range(200)]
    found = evaluate.pointing_game(drawn, evaluate.scene_attention(models, drawn))
    follows = table(prompt_following(models, load_judges(), count=JUDGED))
    parts = {
        name: sum(p.numel() for p in getattr(models.text_to_image, name).parameters()) / 1e6
        for name in ("vae", "text_encoder", "unet")
    }
    sizes = ", ".join(f"{name} {count:.1f} M" for name, count in parts.items())
    text = f"""# Text-to-image model of the embedded set

A StableDiffusionPipeline folder for 128 px pictures, half-precision safetensors. Parameters: {sizes}.
AutoencoderKL (8 times down, {LATENT_CHANNELS} channels), word-level tokenizer, CLIP text encoder, UNet with
cross-attention at 16 × 16, 8 × 8 and 4 × 4; sampled by DPM-Solver++ in 8 steps.

**Data.** Endless scenes of `mobaigc_sim.media.pack.scenes`, one or two main things and sometimes one in the sky:
{world()}
The text-to-image model saw {scenes} scenes, encoded once.

**Recipe of the autoencoder.** {vae}
64 px crops; L1, squared and gradient error, the same at half scale on pooled latents; Gaussian noise of
{LATENT_NOISE} on the latents.

**Recipe of the text-to-image model.** {generator}
Flow matching (logit of t normal around {NOISE_MEAN}, one in five uniform), objects weighted
{1 + OBJECT_WEIGHT:g} to 1, captions dropped in {CAPTION_DROPOUT:.0%};
cross-attention supervised by the renderer's masks (cross-entropy of the
words that own a position, weight {ATTENTION_WEIGHT}).
{history}

**Held-out figures** (fresh scenes, through the saved files).

- Autoencoder: {psnr_db(models.text_to_image.vae, generator.seed + 99).mean():.1f} dB PSNR over 256 scenes.
- Attention: on 200 scenes noised to mid-schedule, one UNet pass, the maximum of an object's map lies on the object in
  {found["hit"]:.1%} of {found["objects"]:.0f} (chance {found["chance"]:.1%}); mean IoU of the map above half its
  maximum with the object's mask {found["iou"]:.2f}.
- Prompt following, as judges see it that were trained on rendered scenes alone (`weights/judge`); beside each share
  what they say of the renderer's own pictures of the same prompts, plain and through the autoencoder:

{follows}

**Limits.** A closed vocabulary of {len(words())} words and one synthetic world. The attention maps are taught where
objects are, so they say nothing about how well attention finds objects in models that were not taught.
"""
    (out / "README.md").write_text(text, encoding="utf-8")
