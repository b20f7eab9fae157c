"""How `traffic/prompts.txt` was made; `python -m tests.traffic.make_prompts` writes it again.

Every held-out pair of main object, place and time that the vocabulary has is used as often as any other; one prompt
in five shows what training may have shown.
"""

from __future__ import annotations

import numpy as np

from mobaigc_sim.media.pack.scenes import SceneSpec, sample_spec
from mobaigc_sim.media.pack.vocabulary import PLACES, TIMES, held_out, objects_of
from mobaigc_sim.traffic.prompts import EMBEDDED

SEED = 20
HELD_OUT_COUNT = 160
SEEN_COUNT = 40


def held_out_scenes() -> list[tuple[str, str, str]]:
    """Every (object, place, time) kept out of training."""
    every = [(o.name, p.name, t) for p in PLACES for o in objects_of(p.holds) for t, _ in TIMES]
    return [scene for scene in every if held_out(*scene)]


def embedded_prompts() -> list[str]:
    """The prompts, distinct and sorted."""
    rng = np.random.default_rng(SEED)
    scenes = held_out_scenes()
    found: set[str] = set()
    turn = 0
    while len(found) < HELD_OUT_COUNT:
        name, place_name, time = scenes[turn % len(scenes)]
        turn += 1
        place = next(p for p in PLACES if p.name == place_name)
        mains = [name]
        if rng.random() < 0.25:
            mains.append(str(rng.choice([o.name for o in objects_of(place.holds) if o.name != name])))
            rng.shuffle(mains)
        sides = len(mains) == 2 and bool(rng.random() < 0.5)
        sky = None
        if place.holds != "table" and not sides and rng.random() < 0.4:
            sky = str(rng.choice([o.name for o in objects_of("sky")]))
        found.add(SceneSpec(tuple(mains), place, time, sky, name_sides=sides).caption)
    while len(found) < HELD_OUT_COUNT + SEEN_COUNT:
        found.add(sample_spec(rng).caption)
    return sorted(found)


if __name__ == "__main__":
    EMBEDDED.write_text("".join(f"{prompt}\n" for prompt in embedded_prompts()), encoding="utf-8")
