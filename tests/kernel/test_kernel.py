"""Time that does not drift, random streams that do not move each other, probes that deliver in order."""

from __future__ import annotations

import numpy as np

from mobaigc_sim.kernel.clock import Clock
from mobaigc_sim.kernel.probes import Probes
from mobaigc_sim.kernel.streams import Streams


def test_the_clock_counts_whole_nanoseconds() -> None:
    clock = Clock()

    def slots():
        while True:
            yield clock.timeout(62_500)

    clock.process(slots())
    clock.run(until=clock.timeout(1_600_000 * 62_500))
    assert clock.now_ns == 100_000_000_000
    assert isinstance(clock.now_ns, int)
    assert clock.now_s == 100.0


def test_a_stream_depends_on_seed_replication_and_name_only() -> None:
    draws = {
        (seed, replication, name): Streams(seed, replication).rng(name).random(4).tobytes()
        for seed in (1, 2)
        for replication in (0, 1)
        for name in ("radio.fading", "radio.shadowing", "mobility")
    }
    assert len(set(draws.values())) == len(draws)
    streams = Streams(1, 0)
    streams.rng("anything else").random(1000)
    assert streams.rng("mobility").random(4).tobytes() == draws[1, 0, "mobility"]


def test_streams_are_uncorrelated() -> None:
    drawn = np.stack([Streams(7).rng(f"traffic.arrivals.{ue}").standard_normal(20_000) for ue in range(8)])
    correlation = np.corrcoef(drawn) - np.eye(8)
    assert np.abs(correlation).max() < 4 / np.sqrt(20_000)


def test_probes_deliver_to_every_listener_of_the_topic_in_order() -> None:
    probes, heard = Probes(), []
    probes.subscribe("a", lambda record: heard.append(("first", record["x"])))
    probes.subscribe("a", lambda record: heard.append(("second", record["x"])))
    assert probes.wants("a")
    assert not probes.wants("b")
    probes.publish("a", {"x": 1})
    probes.publish("b", {"x": 2})
    assert heard == [("first", 1), ("second", 1)]
