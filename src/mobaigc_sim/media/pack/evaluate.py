"""Measure a model set: does attention find objects, does recovery earn its keep, what do its pictures look like.

`python -m mobaigc_sim.media.pack.evaluate attention|sheet [--models NAME] [--out FILE]`
"""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..config import MediaConfig
from ..generate import word_maps
from ..model_set import ModelSet, load_model_set
from ..stack import Delivery, MediaStack
from .scenes import Scene, SceneSpec, render, sample_spec
from .vocabulary import OBJECTS, PLACES, TIMES, held_out

Map = NDArray[np.float32]


def scene_attention(
    models: ModelSet, scenes: list[Scene], level: float = 0.5, batch: int = 25, seed: int = 0
) -> list[dict[str, Map]]:
    """Word maps (h, w) of rendered scenes: encode, noise to `level` of the schedule, one UNet pass."""
    import torch

    from ..attention import AttentionAccumulator, recording

    pipeline = models.text_to_image
    pipeline.scheduler.set_timesteps(100)
    timestep = pipeline.scheduler.timesteps[round(100 * (1 - level))]
    generator = torch.Generator().manual_seed(seed)
    found = []
    for start in range(0, len(scenes), batch):
        part = scenes[start : start + batch]
        captions = [s.spec.caption for s in part]
        accumulator = AttentionAccumulator(len(part), (models.latent_px, models.latent_px))
        with torch.inference_mode(), recording(pipeline.unet, accumulator):
            pixels = torch.from_numpy(np.stack([s.image for s in part])).permute(0, 3, 1, 2).float() / 127.5 - 1
            latents = pipeline.vae.encode(pixels).latent_dist.mean * pipeline.vae.config.scaling_factor
            noise = torch.randn(latents.shape, generator=generator)
            noisy = pipeline.scheduler.add_noise(latents, noise, timestep.expand(len(part)))
            words, _ = pipeline.encode_prompt(captions, "cpu", 1, False)
            pipeline.unet(noisy, timestep, words)
        maps = accumulator.maps().numpy()
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


def recovery_table(
    prompts: list[str], models: str = "embedded", seed: int = 0, keeps: tuple[float, ...] = (0.25, 0.5, 0.75)
) -> dict[str, dict[str, list[float]]]:
    """JPSQ of each prompt by keep ratio and method, on the same pictures."""
    base = MediaConfig(models=models)
    methods: dict[str, dict[str, object]] = {
        "attention + inpainting": {},
        "attention + fill": {"recovery": base.recovery.model_copy(update={"kind": "fill"})},
        "random + inpainting": {"codec": base.codec.model_copy(update={"selector": "random"})},
    }
    table: dict[str, dict[str, list[float]]] = {}
    for name, change in methods.items():
        stack = MediaStack(base.model_copy(update=change))
        pictures = stack.generate(prompts, range(seed, seed + len(prompts)))
        for keep in keeps:
            outcomes = stack.finish([Delivery(p, stack.offer(p, keep)) for p in pictures])
            table.setdefault(f"{keep}", {})[name] = [o.jpsq for o in outcomes]
    return table


def sheet_prompts() -> list[SceneSpec]:
    """64 fixed prompts: every main object at least twice, every place and time, some with an object in the sky."""
    rng = np.random.default_rng(64)
    mains = [o for o in OBJECTS if o.kind != "sky"]
    skies = [o.name for o in OBJECTS if o.kind == "sky"]
    specs = []
    for i in range(64):
        obj = mains[i % len(mains)]
        while True:
            place = [p for p in PLACES if p.holds == obj.kind]
            chosen = place[rng.integers(len(place))]
            time = TIMES[rng.integers(len(TIMES))][0]
            if not held_out(obj.name, chosen.name, time):
                break
        sky = skies[rng.integers(len(skies))] if i % 4 == 3 and obj.kind != "table" else None
        specs.append(SceneSpec((obj.name,), chosen, time, sky))
    return specs


def sheet(models: str, out: Path, *, captions: bool = True) -> None:
    """Draw the 64 fixed prompts as an 8 × 8 sheet, with or without their captions."""
    from PIL import Image, ImageDraw, ImageFont

    specs = sheet_prompts()
    stack = MediaStack(MediaConfig(models=models))
    pictures = stack.generate([s.caption for s in specs], range(64))
    side, gap, text = pictures[0].image.shape[0], 8, 36 if captions else 14
    page = Image.new("RGB", (8 * (side + gap) + gap, 8 * (side + gap + text) + gap), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(9)
    for i, (spec, picture) in enumerate(zip(specs, pictures, strict=True)):
        x, y = gap + i % 8 * (side + gap), gap + i // 8 * (side + gap + text)
        page.paste(Image.fromarray(picture.image), (x, y))
        draw.multiline_text(
            (x, y + side + 2),
            "\n".join(textwrap.wrap(spec.caption, 25)) if captions else str(i + 1),
            "black",
            font,
            spacing=1,
        )
    page.save(out)


def main() -> None:
    """Parse the command line, print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m mobaigc_sim.media.pack.evaluate", description=__doc__)
    parser.add_argument("what", choices=["attention", "sheet"])
    parser.add_argument("--models", default="embedded")
    parser.add_argument("--count", type=int, default=200, help="scenes for attention")
    parser.add_argument("--out", type=Path, default=Path("sheet.png"))
    parser.add_argument("--no-captions", action="store_true", help="number the pictures instead")
    chosen = parser.parse_args()
    if chosen.what == "sheet":
        sheet(chosen.models, chosen.out, captions=not chosen.no_captions)
    else:
        rng = np.random.default_rng(20_000)
        scenes = [render(sample_spec(rng), rng) for _ in range(chosen.count)]
        print(json.dumps(pointing_game(scenes, scene_attention(load_model_set(chosen.models), scenes)), indent=1))


if __name__ == "__main__":
    main()
