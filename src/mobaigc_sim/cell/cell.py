"""The cells put together from a scenario: the only place where radio, mobility, traffic, media and scheduling meet."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import simpy

from ..kernel.clock import Clock
from ..kernel.probes import Probes
from ..kernel.streams import Streams
from ..media.bank_stack import make_media
from ..media.base import Media
from ..mobility import Area, MobilityModel, mobility
from ..radio.downlink import Downlink
from ..scenario.schema import Scenario
from ..scheduling import Scheduler, schedulers
from .background import load_with
from .connection import Connections
from .epochs import Epochs, blank_view
from .generation import ImageServer
from .journey import Journey
from .network import Network
from .request import Request
from .scoring import ScoringDesk
from .wishes import draw_requests


class Cell:
    """Base stations, their users, the image server and the phones.

    Requests arrive during `duration`; the run goes on until the last of them is finished.
    """

    def __init__(self, scenario: Scenario, probes: Probes, media: Media | None = None) -> None:
        self.scenario = scenario
        self.clock = Clock()
        streams = Streams(scenario.seed, scenario.replication)
        background, n_ue = scenario.traffic.background, scenario.n_ue
        motion = make_mobility(scenario, streams)
        self.media = make_media(scenario.media) if media is None else media
        present_ns = [motion.presence_ns(ue) for ue in range(scenario.users.count)]
        self.requests = draw_requests(scenario, streams, self.media.held, present_ns)
        self.media.check_prompts({r.prompt for r in self.requests})
        link = Downlink(scenario.radio, n_ue, streams)
        deciders = [schedulers.get(scenario.scheduler.kind)(scenario.scheduler) for _ in range(link.n_cell)]
        self._scheduler: Scheduler = deciders[0]
        epoch_slots = link.carrier.slots(scenario.service.allocation_interval)
        self.network = Network(
            self.clock,
            link,
            Connections(scenario.radio, link, n_ue, streams.rng("radio.handover")),
            motion,
            deciders,
            scenario.service,
            scenario.results,
            probes,
            n_ue,
            Epochs(deciders, epoch_slots, blank_view(scenario, link.carrier, self.media.keep_grid)),
        )
        self._probes, self._loads = probes, []
        if background is not None:
            self.network.on_file = lambda file: probes.publish("files", file.row())
            self._loads = load_with(background, scenario.users.count, self.clock, self.network, streams)
        self.desk = ScoringDesk(self.media, scenario.service, probes, sampled(scenario, len(self.requests)))
        server = ImageServer(self.clock, self.media, scenario.service)
        self._journey = Journey(self.clock, server, self.network, self.media, self.desk)

    def model_hashes(self) -> dict[str, str]:
        """SHA-256 of every file of weights that the run depends on, by its name."""
        return self.media.model_hashes() | self._scheduler.model_hashes()

    def run(self, on_progress: Callable[[float, int], None] | None = None) -> None:
        """Run to the end; `on_progress(simulated seconds, requests finished)` is called once a simulated second."""
        travels = [self.clock.process(self._arrive(request)) for request in self.requests]
        if on_progress is not None:
            self.clock.process(self._tick(on_progress))
        horizon = self.clock.timeout(self.scenario.duration)
        self.clock.run(until=simpy.AllOf(self.clock, [horizon, *travels]))
        self.desk.flush()
        for file in (file for buffer in self._loads for file in buffer.open_files):
            self._probes.publish("files", file.row())

    def _arrive(self, request: Request) -> Generator[simpy.Event, Any, None]:
        yield self.clock.timeout(request.arrival_ns)
        yield from self._journey.travel(request)

    def _tick(self, on_progress: Callable[[float, int], None]) -> Generator[simpy.Event, Any, None]:
        while True:
            yield self.clock.timeout(1_000_000_000)
            on_progress(self.clock.now_s, sum(r.finished_ns >= 0 for r in self.requests))


def make_mobility(scenario: Scenario, streams: Streams) -> MobilityModel:
    """The model that moves all users; raises MobaigcError for a trace that cannot be read or moves too few."""
    model: MobilityModel = mobility.get(scenario.users.mobility.kind)(
        scenario.users.mobility, scenario.n_ue, Area.of(scenario.users.area), streams.rng("mobility")
    )
    return model


def sampled(scenario: Scenario, count: int) -> frozenset[int]:
    """Numbers of the requests whose pictures are kept, spread evenly over the run; a bank holds no pictures."""
    wanted = min(scenario.results.images, count) if scenario.media.mode == "live" else 0
    return frozenset(int(n) for n in np.linspace(0, count - 1, wanted).round()) if wanted else frozenset()
