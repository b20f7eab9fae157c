"""Status and cause of requests made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mobaigc_sim.cell.compiled.state import ARRIVED, DELIVERED, DROPPED, FAILED, LATE, PARTIAL
from mobaigc_sim.cell.request import Fate, Packet, Request
from mobaigc_sim.cell.world import causes

MS = 10**6
HANDOVER, RLF = 0, 1


def request_of(*packets: tuple[int, int, int], images: int = 1, **changes: object) -> Request:
    """Packets (image, level, bytes acknowledged of 100), one second from generation to the end."""
    request = Request(0, 0, "a fox", tuple(range(images)), 0, 1100 * MS)
    request.generated_ns, request.finished_ns = 100 * MS, 1100 * MS
    for image, level, acked in packets:
        fate = Fate.ARRIVED if acked == 100 else Fate.DROPPED
        request.packets.append(Packet(request, image, level, bytes(100), acked, acked, fate=fate))
    for name, value in changes.items():
        setattr(request, name, value)
    return request


DONE, CUT, NOTHING = (0, 0, 100), (0, 1, 40), (0, 0, 0)


def test_everything_arrived() -> None:
    assert request_of(DONE, (0, 1, 100)).verdict() == ("delivered", "")


def test_a_user_who_leaves_after_the_last_byte_got_it_all() -> None:
    assert request_of(DONE, gone=True).verdict() == ("delivered", "")


@pytest.mark.parametrize(("gone", "cause"), [(False, "generation"), (True, "left")])
def test_nothing_was_generated(gone: bool, cause: str) -> None:
    assert request_of(generated_ns=-1, gone=gone).verdict() == ("failed", cause)


@pytest.mark.parametrize("base", [DONE, NOTHING])
@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({}, "deadline"),
        ({"outage_ns": (900 * MS, 0)}, "handover"),
        ({"outage_ns": (0, 900 * MS)}, "rlf"),
        ({"outage_ns": (0, 900 * MS), "lost_levels": {0, 1}}, "harq"),
        ({"outage_ns": (0, 900 * MS), "lost_levels": {0, 1}, "refused_levels": {0, 1}}, "buffer"),
        ({"outage_ns": (0, 900 * MS), "lost_levels": {0, 1}, "refused_levels": {0, 1}, "gone": True}, "left"),
    ],
)
def test_the_first_cause_that_holds(base: tuple[int, int, int], changes: dict[str, object], cause: str) -> None:
    status = "partial" if base is DONE else "failed"
    assert request_of(base, CUT, **changes).verdict() == (status, cause)


def test_a_failed_request_asks_for_its_bases_alone() -> None:
    lost_above = request_of((0, 0, 30), (0, 1, 0), lost_levels={1}, refused_levels={1})
    assert lost_above.verdict() == ("failed", "deadline")


def test_one_image_of_two_is_a_part() -> None:
    assert request_of((0, 0, 100), (1, 0, 0), images=2, lost_levels={0}).verdict() == ("partial", "harq")


@pytest.mark.parametrize(("outage_ms", "cause"), [(200, "deadline"), (300, "handover")])
def test_an_outage_is_the_cause_if_the_rest_fits_into_it(outage_ms: int, cause: str) -> None:
    # 140 B came in the time in service, 60 B are missing: they need 3/10 of the second, or more
    request = request_of(DONE, CUT, outage_ns=(outage_ms * MS, 0))
    assert request.verdict() == ("partial", cause)


@pytest.mark.parametrize(("outage_ms", "cause"), [(499, "deadline"), (500, "rlf")])
def test_where_nothing_arrived_the_outage_took_most_of_the_time(outage_ms: int, cause: str) -> None:
    assert request_of(NOTHING, outage_ns=(0, outage_ms * MS)).verdict() == ("failed", cause)


@pytest.mark.parametrize(("handover_ms", "cause"), [(301, "handover"), (299, "rlf")])
def test_of_two_reasons_the_longer_one_is_named(handover_ms: int, cause: str) -> None:
    assert request_of(NOTHING, outage_ns=(handover_ms * MS, (600 - handover_ms) * MS)).verdict() == ("failed", cause)


def test_a_failure_that_began_before_the_request_is_the_cause_too() -> None:
    assert request_of(DONE, CUT, outage_ns=(0, 1200 * MS)).verdict() == ("partial", "rlf")


@pytest.mark.parametrize("seed", range(5))
def test_the_compiled_cell_tells_the_same_causes(seed: int) -> None:
    """Two images of two packets each, every packet arrived, lost or late as chance has it."""
    level_J, places, rng = (0, 0, 1, 1), ((0, 0), (1, 0), (0, 1), (1, 1)), np.random.default_rng(seed)
    fate_RJ = rng.choice([ARRIVED, DROPPED, LATE], (200, 4), p=[0.6, 0.2, 0.2])
    is_generated_R = rng.random(200) < 0.9
    fate_RJ[~is_generated_R] = LATE
    verdicts = []
    for fate_J, is_generated in zip(fate_RJ.tolist(), is_generated_R.tolist(), strict=True):
        packets = [(*place, 100 * (fate == ARRIVED)) for place, fate in zip(places, fate_J, strict=True)]
        lost = {level for level, fate in zip(level_J, fate_J, strict=True) if fate == DROPPED}
        request = request_of(*packets, images=2, lost_levels=lost)
        verdicts.append((request if is_generated else request_of(generated_ns=-1)).verdict())
    codes = {"delivered": DELIVERED, "partial": PARTIAL, "failed": FAILED}
    status_R = np.array([codes[status] for status, _ in verdicts])
    found_R = causes(status_R, is_generated_R, fate_RJ, np.tile(level_J, (200, 1)))
    assert found_R.tolist() == [cause for _, cause in verdicts]
    assert len({*verdicts}) == 6
