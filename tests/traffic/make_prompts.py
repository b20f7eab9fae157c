"""How `traffic/prompts.txt` was made; `python -m tests.traffic.make_prompts` writes it again.

Every held-out combination of main thing, place and time is used as often as any other; one prompt in five shows what
training may have shown.
"""

from __future__ import annotations

import numpy as np

from mobaigc_sim.media.pack.evaluate import held_out_prompts
from mobaigc_sim.media.pack.scenes import sample_spec
from mobaigc_sim.traffic.prompts import EMBEDDED

SEED = 20
HELD_OUT_COUNT = 160
SEEN_COUNT = 40


def embedded_prompts() -> list[str]:
    """The prompts, distinct and sorted."""
    found = set(held_out_prompts(HELD_OUT_COUNT, SEED))
    rng = np.random.default_rng(SEED)
    while len(found) < HELD_OUT_COUNT + SEEN_COUNT:
        found.add(sample_spec(rng).caption)
    return sorted(found)


if __name__ == "__main__":
    EMBEDDED.write_text("".join(f"{prompt}\n" for prompt in embedded_prompts()), encoding="utf-8")
