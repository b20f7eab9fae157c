"""Measure a model set: does attention find objects, do its pictures show what was asked for, what do they look
like.

`python -m mobaigc_sim.media.pack.evaluate attention|sheet|prompts [--models NAME] [--out FILE]`
"""

from __future__ import annotations

import argparse
import json
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..autoencoder import encode_pictures
from ..config import MediaConfig
from ..generate import word_maps
from ..model_set import ModelSet, load_model_set
from ..stack import MediaStack
from .drawing import render
from .scenes import Scene, sample_spec
from .vocabulary import OBJECTS, PLACES, TIMES, held_out, objects_of

Map = NDArray[np.float32]


def scene_attention(
    models: ModelSet, scenes: list[Scene], level: float = 0.5, batch: int = 25, seed: int = 0
) -> list[dict[str, Map]]:
    """Word maps (h, w) of rendered scenes: encode, noise to `level` of the schedule, one UNet pass."""
    import torch

    from ..attention import AttentionAccumulator, recording

    pipeline = models.text_to_image
    pipeline.scheduler.set_timesteps(100)
    timestep = pipeline.scheduler.timesteps[round(100 * (1 - level))].to(pipeline.device)
    generator = torch.Generator().manual_seed(seed)
    found = []
    for start in range(0, len(scenes), batch):
        part = scenes[start : start + batch]
        captions = [s.spec.caption for s in part]
        accumulator = AttentionAccumulator(len(part), models.latent_hw)
        with torch.inference_mode(), recording(pipeline.unet, accumulator):
            latents = encode_pictures(models, [s.image for s in part])
            noise = torch.randn(latents.shape, generator=generator).to(latents)
            noisy = pipeline.scheduler.add_noise(latents, noise, timestep.expand(len(part)))
            words, _ = pipeline.encode_prompt(captions, pipeline.device, 1, False)
            pipeline.unet(noisy, timestep, words)
        maps = accumulator.maps().cpu().numpy()
        found += [word_maps(c, m, pipeline.tokenizer) for c, m in zip(captions, maps, strict=True)]
    return found


def pointing_game(scenes: list[Scene], maps: list[dict[str, Map]]) -> dict[str, float]:
    """Share of objects whose map has its maximum on the object; chance is the mean share of the area."""
    from PIL import Image

    hits, areas, overlaps = [], [], []
    for scene, of_word in zip(scenes, maps, strict=True):
        for name, mask in scene.masks.items():
            if mask.sum() < 64:
                continue
            heat = np.mean([of_word[w] for w in name.split()], axis=0).astype(np.float32)
            big = np.asarray(Image.fromarray(heat).resize(mask.shape[::-1], Image.Resampling.BILINEAR))
            hits.append(mask.ravel()[big.argmax()])
            areas.append(mask.mean())
            hot = big > 0.5 * big.max()
            overlaps.append((hot & mask).sum() / (hot | mask).sum())
    return {
        "objects": len(hits),
        "hit": float(np.mean(hits)),
        "chance": float(np.mean(areas)),
        "iou": float(np.mean(overlaps)),
    }


def held_out_prompts(count: int, seed: int) -> list[str]:
    """Distinct prompts that training did not show: every held-out (thing, place, time) in turn, in random company.

    Sizes, weather and things in the sky come as often as in training; the held-out thing has no colour word, the others
    may have one.
    """
    rng = np.random.default_rng(seed)
    triples = [
        (o.name, p, t) for p in PLACES for o in objects_of(p.holds) for t, _ in TIMES if held_out(o.name, p.name, t)
    ]
    found: dict[str, None] = {}
    while len(found) < count:
        for name, place, time in rng.permutation(np.asarray(triples, object)).tolist():
            other = sample_spec(rng)
            while other.place is not place or name in other.mains:
                other = sample_spec(rng)
            mains = (name, *other.mains[1:])
            colours = tuple(pair for pair in other.colours if pair[0] in (*mains, other.sky))
            found[replace(other, mains=mains, time=time, name_time=True, colours=colours).caption] = None
    return list(found)[:count]


def sheet_prompts() -> list[str]:
    """64 fixed prompts: 40 of one main thing, each at least once, 16 of two, 8 of combinations kept out of training."""
    rng = np.random.default_rng(64)
    mains = [o.name for o in OBJECTS if o.kind != "sky"]
    found: list[str] = []
    while len(found) < 40:
        spec = sample_spec(rng, two_share=0, attribute_share=0.6)
        if spec.mains[0] == mains[len(found) % len(mains)]:
            found.append(spec.caption)
    found += [sample_spec(rng, two_share=1).caption for _ in range(16)]
    return found + held_out_prompts(8, 64)


def sheet(models: str, out: Path, *, captions: bool = True) -> None:
    """Draw the 64 fixed prompts as an 8 × 8 sheet, with or without their captions."""
    from PIL import Image, ImageDraw, ImageFont

    prompts = sheet_prompts()
    stack = MediaStack(MediaConfig(models=models))
    pictures = stack.generate(prompts, range(64))
    side, gap, text = pictures[0].image.shape[0], 8, 48 if captions else 14
    page = Image.new("RGB", (8 * (side + gap) + gap, 8 * (side + gap + text) + gap), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(9)
    for i, (prompt, picture) in enumerate(zip(prompts, pictures, strict=True)):
        x, y = gap + i % 8 * (side + gap), gap + i // 8 * (side + gap + text)
        page.paste(Image.fromarray(picture.image), (x, y))
        draw.multiline_text(
            (x, y + side + 2),
            "\n".join(textwrap.wrap(prompt, 25)) if captions else str(i + 1),
            "black",
            font,
            spacing=1,
        )
    page.save(out)


def prompts(models: str, count: int, seed: int, sets: list[str] | None, out: Path | None) -> None:
    """Print how well the pictures follow the prompts, as a table and as JSON (to `out` if given)."""
    from .judge import load_judges
    from .prompt_following import prompt_following, table
    from .prompt_sets import SETS

    judges = load_judges()
    report = prompt_following(load_model_set(models), judges, count=count, seed=seed, sets=sets or SETS)
    print(table(report))
    told = json.dumps(report, indent=1)
    if out is None:
        print(told)
    else:
        out.write_text(told + "\n", encoding="utf-8")


def main() -> None:
    """Parse the command line, print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m mobaigc_sim.media.pack.evaluate", description=__doc__)
    parser.add_argument("what", choices=["attention", "sheet", "prompts"])
    parser.add_argument("--models", default="embedded")
    parser.add_argument("--count", type=int, help="scenes for attention (200), prompts of each set (500)")
    parser.add_argument("--seed", type=int, default=0, help="of the prompts and their pictures")
    parser.add_argument("--sets", nargs="+", help="sets of prompts, all by default")
    parser.add_argument("--out", type=Path, help="the sheet (sheet.png), or a file for the figures of prompts")
    parser.add_argument("--no-captions", action="store_true", help="number the pictures instead")
    chosen = parser.parse_args()
    if chosen.what == "sheet":
        sheet(chosen.models, chosen.out or Path("sheet.png"), captions=not chosen.no_captions)
    elif chosen.what == "prompts":
        prompts(chosen.models, chosen.count or 500, chosen.seed, chosen.sets, chosen.out)
    else:
        rng = np.random.default_rng(20_000)
        scenes = [render(sample_spec(rng), rng) for _ in range(chosen.count or 200)]
        print(json.dumps(pointing_game(scenes, scene_attention(load_model_set(chosen.models), scenes)), indent=1))


if __name__ == "__main__":
    main()
