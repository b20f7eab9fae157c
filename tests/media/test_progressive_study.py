"""The study of packets received: which sets are tried, and what the table says of real and of unreadable packets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mobaigc_sim.media.config import MediaConfig
from mobaigc_sim.media.progressive_study import prefixes_and_losses, progressive_table
from mobaigc_sim.media.stack import MediaStack

PROMPTS = ["a fox on a snowy hill at night", "an apple on a wooden table during the day"]


@pytest.mark.parametrize("packets", range(1, 9))
def test_sets_are_every_prefix_and_every_loss_of_one_enhancement(packets: int) -> None:
    every = [s for s in range(1, 1 << packets) if s & 1]
    wanted = {s for s in every if s & (s + 1) == 0 or s.bit_count() == packets - 1}
    found = prefixes_and_losses(packets)
    assert set(found) == wanted
    assert len(found) == len(wanted)
    assert found[:packets] == sorted(found[:packets])


def test_the_table_holds_real_outcomes_of_every_set() -> None:
    quick = {"generation": {"steps": 1}, "recovery": {"steps": 2}, "codec": {"kind": "webp"}}
    stack = MediaStack(MediaConfig.model_validate(quick))
    table = progressive_table(stack, PROMPTS, [1, 2], (0.25, 1.0))
    assert not table["lost"].any()
    assert table["jpsq"].between(0, 1).all()
    for (request, keep), part in table.groupby(["request", "keep"]):
        packets = stack.offer(stack.generate([PROMPTS[request]], [request + 1])[0], keep)
        assert part["received"].tolist() == prefixes_and_losses(len(packets))
        assert (part["packets"] == len(packets)).all()
        assert part["bytes"].max() == sum(map(len, packets))
    base = table[table["received"] == 1].groupby("request")
    assert (base["jpsq"].nunique() == 1).all()
    assert (base["bytes"].nunique() == 2).all()


def test_a_picture_that_cannot_be_read_is_lost_and_scores_0() -> None:
    scored: list[Any] = []
    broken: Any = SimpleNamespace(
        generate=lambda prompts, seeds: [object()] * len(prompts),
        offer=lambda picture, keep: [b"no base", b"nor this"],
        finish=lambda deliveries: scored.extend(deliveries) or [],
    )
    table = progressive_table(broken, PROMPTS, [1, 2], (0.5,))
    assert len(table) == 2 * len(prefixes_and_losses(2))
    assert table["lost"].all()
    assert (table["jpsq"] == 0).all()
    assert not scored
