"""Everything of a run that no scheduler can change, written down: who asks when, when images are ready, the channel.

Shapes: T slots, U users, R requests, I images of a request, X pictures, O offers of a picture, P packets of an offer,
M subsets of packets, K keep ratios.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from ..errors import MobaigcError
from ..kernel.clock import Clock
from ..kernel.streams import Streams
from ..media.bank_stack import BankStack
from ..mobility.base import FOREVER_NS
from ..radio.downlink import Downlink
from ..radio.fading import Tape
from ..scenario.schema import Scenario
from .cell import make_mobility
from .compiled.state import NEVER_NS, Content, Trace
from .generation import ImageServer
from .request import Request
from .wishes import draw_requests

ALWAYS = ((0, FOREVER_NS),)


class TraceError(MobaigcError):
    """A scenario that the compiled cell does not cover."""


def slots_of(scenario: Scenario) -> int:
    """Slots from the start until the deadline of the last request that can come, in whole epochs."""
    carrier = scenario.radio.setup(scenario.n_ue).carrier
    epoch = carrier.slots(scenario.service.allocation_interval)
    slots = carrier.slots(scenario.duration + scenario.traffic.deadline) + 1
    return -(-slots // epoch) * epoch


def check_covered(scenario: Scenario) -> None:
    """Raise TraceError for what only a full run has.

    Several cells, radio link failure, background users, limited buffers, live images.
    """
    found = {
        "radio.layout": scenario.radio.setup(scenario.n_ue).layout.n_cell > 1,
        "radio.radio_link": scenario.radio.radio_link is not None,
        "traffic.background": scenario.traffic.background is not None,
        "service.rlc.buffer": scenario.service.rlc.buffer is not None,
        "media.mode": scenario.media.mode != "bank",
    }
    for key, is_there in found.items():
        if is_there:
            wanted = "media.mode: bank" if key == "media.mode" else f"one without {key}"
            raise TraceError(
                f"scenario {scenario.name}: expected {wanted}; learning and its evaluation run on one cell with a bank"
            )


def tabulate_content(media: BankStack) -> tuple[Content, dict[tuple[str, int], int]]:
    """The pictures of a bank as arrays, and the place of each (prompt, seed)."""
    pictures = sorted(media.bank.pictures)
    found = [media.bank.pictures[key] for key in pictures]
    n_packets = max(len(offer.packet_bytes) for picture in found for offer in picture.offers)
    offers = len(found[0].offers)
    bytes_XOP = np.zeros((len(found), offers, n_packets), np.int64)
    jpsq_XOM = np.full((len(found), offers, 1 << n_packets), np.nan)
    w = media.config.jpsq_weight
    for x, picture in enumerate(found):
        for o, offer in enumerate(picture.offers):
            bytes_XOP[x, o, : len(offer.packet_bytes)] = offer.packet_bytes
            for received in range(1, 1 << len(offer.packet_bytes), 2):
                outcome = offer.outcome(received)
                jpsq_XOM[x, o, received] = w * outcome.s + (1 - w) * outcome.q
    mass_XK = np.array([[offer.attention_mass for offer in picture.offers[1:]] for picture in found])
    content = Content(bytes_XOP, jpsq_XOM, mass_XK, bytes_XOP[:, 1:].sum(axis=2), bytes_XOP[:, 1:, 0].copy())
    return content, {key: place for place, key in enumerate(pictures)}


def tabulate(scenario: Scenario, media: BankStack, places: dict[tuple[str, int], int]) -> Trace:
    """The trace of a scenario's seed and replication; raises TraceError for users who are not there all the time."""
    streams = Streams(scenario.seed, scenario.replication)
    motion = make_mobility(scenario, streams)
    if any(motion.presence_ns(ue) != ALWAYS for ue in range(scenario.users.count)):
        raise TraceError(f"scenario {scenario.name}: expected users who stay; some enter or leave the scene")
    requests = draw_requests(scenario, streams, media.held)
    link = Downlink(scenario.radio, scenario.n_ue, streams)
    slots, n_ue = slots_of(scenario) + 1, scenario.n_ue
    place_a_TU, place_b_TU, draw_TU = np.empty((slots, n_ue)), np.empty((slots, n_ue)), np.empty((slots, n_ue))
    snr_TU, speed_TU = np.empty((slots, n_ue), np.float32), np.empty((slots, n_ue))
    tapes, start_a, start_b = list[Tape](), 0, 0
    for slot in range(slots):
        now = motion.advance(slot * link.carrier.slot_ns)
        channel, draw_TU[slot] = link.conditions(slot, now.position_m_U2, now.travelled_m_U)
        if tapes and channel.tape is not tapes[-1]:
            start_a, start_b = start_a + len(tapes[-1].reel_a_R2B), start_b + len(tapes[-1].reel_b_R2B)
        if not tapes or channel.tape is not tapes[-1]:
            tapes.append(channel.tape)
        place_a_TU[slot] = start_a + channel.place_a_UC[:, 0]
        place_b_TU[slot] = start_b + channel.place_b_UC[:, 0]
        snr_TU[slot] = channel.snr_UC[:, 0]
        speed_TU[slot] = np.hypot(now.velocity_mps_U2[:, 0], now.velocity_mps_U2[:, 1])
    ready_ns_R = _ready(scenario, media, requests)
    return Trace(
        reel_a_R2B=np.concatenate([tape.reel_a_R2B for tape in tapes]),
        reel_b_R2B=np.concatenate([tape.reel_b_R2B for tape in tapes]),
        place_a_TU=place_a_TU,
        place_b_TU=place_b_TU,
        snr_TU=snr_TU,
        draw_TU=draw_TU,
        speed_mps_TU=speed_TU,
        ue_R=np.array([r.ue for r in requests], np.int64),
        arrival_ns_R=np.array([r.arrival_ns for r in requests], np.int64),
        ready_ns_R=ready_ns_R,
        deadline_ns_R=np.array([r.deadline_ns for r in requests], np.int64),
        by_ready_R=np.argsort(ready_ns_R, kind="stable"),
        picture_RI=np.array(
            [[places[r.prompt, seed] for seed in r.seeds] for r in requests], np.int64
        ).reshape(len(requests), scenario.traffic.images_per_request),
    )  # fmt: skip


def _ready(scenario: Scenario, media: BankStack, requests: list[Request]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """When the images of each request are generated, by the image server itself."""
    clock = Clock()
    server = ImageServer(clock, media, scenario.service)
    ready_ns_R = np.full(len(requests), NEVER_NS)

    def ask(place: int, request: Request) -> Generator[simpy.Event, Any, None]:
        yield clock.timeout(request.arrival_ns)
        yield server.submit(request)
        if clock.now_ns < request.deadline_ns:
            ready_ns_R[place] = clock.now_ns

    for place, request in enumerate(requests):
        clock.process(ask(place, request))
    clock.run(until=clock.timeout(scenario.duration + scenario.traffic.deadline))
    return ready_ns_R
