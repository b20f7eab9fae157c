"""Train the embedded model set: `python -m mobaigc_sim.media.pack.train STAGE`.

Stages in order: `sprites` (needs the npm client), `vae`, `generator`, `clip`, `quality`, `judge`; `all` runs every one.
A stage begins with random weights, or with those of `--start-from`, and resumes from its checkpoint in `--workdir`. The
autoencoder waits there for the generator; the folders of the others, with a model card each, go to `--out`. The cards
of generator and judges measure with the judges and the autoencoder in the package.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
from pathlib import Path

import torch

from .. import sprites
from ..sprites import NPM_PACKAGE, build_atlas

WEIGHTS = Path(sprites.__file__).with_name("weights")
STAGES = ("sprites", "vae", "generator", "clip", "quality", "judge")
COLD = ("sprites", "judge")
"""Stages that always begin from nothing."""


def main() -> None:
    """Parse the command line and run the stages."""
    parser = argparse.ArgumentParser(prog="python -m mobaigc_sim.media.pack.train", description=__doc__)
    parser.add_argument("stage", choices=[*STAGES, "all"])
    parser.add_argument("--workdir", type=Path, default=Path("training"), help="checkpoints and caches")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the model folders are written")
    parser.add_argument("--steps", type=int, help="optimizer steps, instead of the stage's own number")
    parser.add_argument("--batch", type=int, help="batch size, instead of the stage's own")
    parser.add_argument("--chunks", type=int, default=8, help="latent cache of the generator, in chunks of 8192 scenes")
    parser.add_argument(
        "--start-from", type=Path, help="a weights folder like `--out` that vae, generator, clip and quality start from"
    )
    parser.add_argument("--history", default="", help="a sentence for the card of generator or judges, on the run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    chosen = parser.parse_args()
    if chosen.start_from and chosen.stage in COLD:
        parser.error(f"the stage {chosen.stage} takes no --start-from")
    if chosen.start_from and not chosen.start_from.is_dir():
        parser.error(f"--start-from: expected a weights folder, found none at {chosen.start_from}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(chosen.threads)
    chosen.workdir.mkdir(parents=True, exist_ok=True)
    for stage in STAGES if chosen.stage == "all" else [chosen.stage]:
        _RUN[stage](chosen)


def _sprites(chosen: argparse.Namespace) -> None:
    listing = subprocess.run(
        ["npm", "pack", "--silent", NPM_PACKAGE], cwd=chosen.workdir, check=True, capture_output=True, text=True
    )
    build_atlas(chosen.workdir / listing.stdout.strip())


def _vae(chosen: argparse.Namespace) -> None:
    from . import vae
    from .cards import Recipe
    from .warm_start import origin

    steps, batch = chosen.steps or 6000, chosen.batch or 16
    start = chosen.start_from and chosen.start_from / "generator" / "vae"
    model, seconds = vae.train(chosen.workdir, steps=steps, batch=batch, seed=chosen.seed, start_from=start)
    model.save_pretrained(chosen.workdir / "vae")
    recipe = Recipe(steps, batch, chosen.seed, seconds, origin(start, vae.WEIGHTS_FILE))
    (chosen.workdir / "vae" / "recipe.json").write_text(json.dumps(vars(recipe)), encoding="utf-8")


def _generator(chosen: argparse.Namespace) -> None:
    from diffusers import AutoencoderKL

    from . import assemble, generator
    from .cards import Recipe
    from .generator_card import generator_card
    from .tokenizer import build_tokenizer
    from .warm_start import UNET_FILE, origin

    vae = AutoencoderKL.from_pretrained(chosen.workdir / "vae")
    tokenizer = build_tokenizer()
    cache = generator.cached_scenes(chosen.workdir, vae, tokenizer, chosen.chunks, chosen.seed + 1)
    steps, batch = chosen.steps or 9000, chosen.batch or 32
    start = chosen.start_from and chosen.start_from / "generator"
    began = origin(start, UNET_FILE)
    model, seconds = generator.train(
        chosen.workdir, cache, tokenizer, steps=steps, batch=batch, seed=chosen.seed, start_from=start
    )
    assemble.save(assemble.build_pipeline(vae, model, tokenizer), chosen.out / "generator")
    vae_recipe = Recipe(**json.loads((chosen.workdir / "vae" / "recipe.json").read_text(encoding="utf-8")))
    recipe = Recipe(steps, batch, chosen.seed, seconds, began)
    generator_card(chosen.out / "generator", vae_recipe, recipe, len(cache.latents), chosen.history)


def _clip(chosen: argparse.Namespace) -> None:
    from . import clip

    start = chosen.start_from and chosen.start_from / "clip"
    clip.train(chosen.workdir, chosen.out / "clip", chosen.steps or 1300, chosen.batch or 96, chosen.seed, start)


def _quality(chosen: argparse.Namespace) -> None:
    from . import quality

    vae, steps, batch = chosen.out / "generator" / "vae", chosen.steps or 3000, chosen.batch or 16
    start = chosen.start_from / "quality" if chosen.start_from else None
    quality.train(chosen.workdir, chosen.out / "quality", vae, start, steps, batch, chosen.seed)


def _judge(chosen: argparse.Namespace) -> None:
    from . import judge

    steps, batch, seed = chosen.steps or 1100, chosen.batch or 32, chosen.seed + 31
    judge.train(chosen.workdir, chosen.out / "judge", steps, batch, seed, history=chosen.history)


_RUN = {
    "sprites": _sprites,
    "vae": _vae,
    "generator": _generator,
    "clip": _clip,
    "quality": _quality,
    "judge": _judge,
}

if __name__ == "__main__":
    main()
