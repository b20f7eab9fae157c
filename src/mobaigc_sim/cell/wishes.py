"""Who asks for what and when: every request of a run, drawn before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import MobaigcError
from ..kernel.streams import Streams
from ..media.bank import prompt_missing
from ..scenario.schema import Scenario, TrafficConfig
from ..traffic import PromptSource, traffic
from .request import Request

SEED_BOUND = 2**31

Presence = tuple[tuple[int, int], ...]
"""Intervals [start, end) in ns."""


class BankDrawError(MobaigcError):
    """A bank that does not hold what the traffic asks for."""


def draw_requests(
    scenario: Scenario,
    streams: Streams,
    held: Mapping[str, tuple[int, ...]] | None = None,
    present_ns: Sequence[Presence] | None = None,
) -> list[Request]:
    """Every request of the run in order of arrival; a user's requests do not depend on the other users.

    `present_ns`: when each user is there, None for always; who is away does not ask.

    `held`: the seeds of each prompt that may be asked for, None for any. The prompts of the traffic that are held are
    drawn uniformly; the seeds of a request follow each other in the list of its prompt, from a place drawn uniformly
    and round its end. Raises BankDrawError for a prompt of the scenario's own list that is not held, for no prompt
    held at all, and for fewer seeds of a prompt than a request has images.
    """
    process = traffic.get(scenario.traffic.arrivals.kind)(scenario.traffic.arrivals)
    prompts = PromptSource(scenario.traffic.prompts)
    if scenario.traffic.prompts.kind == "bank":
        prompts.prompts = tuple(sorted(held or ()))
    if held is not None:
        prompts.prompts = _among(prompts.prompts, held, scenario.traffic)
    if not prompts.prompts:
        raise BankDrawError("traffic.prompts.kind is bank, but there is no media.bank")
    images = scenario.traffic.images_per_request
    wishes = []
    for ue in range(scenario.users.count):
        times_ns = process.times_ns(streams.rng(f"traffic.arrivals.{ue}"), scenario.duration)
        rng = streams.rng(f"traffic.wishes.{ue}")
        for time_ns in times_ns:
            away = present_ns is not None and not any(a <= time_ns < b for a, b in present_ns[ue])
            first = int(rng.integers(SEED_BOUND))
            prompt = prompts.draw(rng)
            seeds = tuple(range(first, first + images))
            if held is not None:
                known = held[prompt]
                seeds = tuple(known[seed % len(known)] for seed in seeds)
            if not away:
                wishes.append((int(time_ns), ue, prompt, seeds))
    wishes.sort()
    return [
        Request(number, ue, prompt, seeds, time_ns, time_ns + scenario.traffic.deadline)
        for number, (time_ns, ue, prompt, seeds) in enumerate(wishes)
    ]


def _among(prompts: tuple[str, ...], held: Mapping[str, tuple[int, ...]], config: TrafficConfig) -> tuple[str, ...]:
    found = tuple(prompt for prompt in prompts if prompt in held)
    missing = [prompt for prompt in prompts if prompt not in held]
    if missing and (config.prompts.kind == "list" or not found):
        raise BankDrawError(f"the bank {prompt_missing(missing[0], held)}")
    for prompt in found:
        if len(held[prompt]) < config.images_per_request:
            raise BankDrawError(
                f"traffic.images_per_request is {config.images_per_request}, but the bank has {len(held[prompt])} "
                f"seeds of '{prompt}': build it with more seeds"
            )
    return found
