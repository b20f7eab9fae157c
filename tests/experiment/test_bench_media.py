"""The media benchmark: its arithmetic on made-up costs, and one real round on the shipped models."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mobaigc_sim.cli import app
from mobaigc_sim.errors import MobaigcError
from mobaigc_sim.experiment import bench_media as bench
from mobaigc_sim.experiment.bench_media import ALONE, BATCHED, CURVE, NAIVE, SIDES, STAGES, TOTAL, Cost, MediaBench
from mobaigc_sim.media.config import MediaConfig

QUICK = MediaConfig.model_validate(
    {"generation": {"steps": 1}, "recovery": {"steps": 2}, "codec": {"kind": "webp"}, "keep": 0.25}
)


def made_up(totals: dict[str, list[float]]) -> MediaBench:
    """Rounds with the given CPU seconds, twice that on the wall, a quarter of it in every stage."""
    rounds = {
        side: [{**{s: Cost(t / 4, t / 2) for s in STAGES}, TOTAL: Cost(t, 2 * t)} for t in of_side]
        for side, of_side in totals.items()
    }
    return MediaBench(8, 4, 2, rounds, first_s=0.5, hit_s=0.002, lookups_per_s=1234.4)


def test_figures_are_medians_and_ratios_are_taken_round_by_round() -> None:
    """The machine is ten times slower in the second round: no ratio may see that."""
    found = made_up({BATCHED: [0.1, 1.0, 0.2], ALONE: [0.2, 2.0, 0.4], NAIVE: [0.3, 4.0, 0.8]})
    assert found.cost(BATCHED, TOTAL) == Cost(0.2, 0.4)
    assert found.cost(ALONE, "encode") == Cost(0.1, 0.2)
    assert found.ratio(ALONE).cpu_s == pytest.approx(2)
    assert found.ratio(NAIVE).wall_s == pytest.approx(4)
    assert found.cost(NAIVE, CURVE) is None


def test_the_table_has_a_row_a_stage_and_blanks_where_a_side_has_no_such_stage() -> None:
    found = made_up({BATCHED: [0.1], ALONE: [0.2], NAIVE: [0.4]})
    found.rounds[BATCHED][0][CURVE] = Cost(0.01, 0.03)
    told = {row[0]: row[1:] for row in bench.rows(found)}
    assert list(told) == [*STAGES, TOTAL, CURVE]
    assert told[TOTAL] == ("100.0 (200.0)", "200.0 (400.0)", "400.0 (800.0)")
    assert told[CURVE] == ("10.0 (30.0)", "", "")
    assert all(len(row) == len(bench.COLUMNS) for row in bench.rows(found))
    assert "cache hit: 2.0 ms instead of 500.0 ms with the keep curve (wall)" in bench.facts(found)
    assert "bank: 1234 requests answered a second" in bench.facts(found)


def test_a_stopwatch_counts_work_on_the_processor_and_waiting_on_the_wall_only() -> None:
    watch = bench.Stopwatch()
    for _ in range(2):
        with watch.time("wait"):
            time.sleep(0.02)
    with watch.time("work"):
        until = time.process_time() + 0.02
        while time.process_time() < until:
            pass
    assert watch.stages["wait"].wall_s >= 0.04
    assert watch.stages["wait"].cpu_s < watch.stages["wait"].wall_s
    assert watch.stages["work"].cpu_s >= 0.02


def test_every_side_does_every_stage_and_stages_add_up() -> None:
    calls: list[tuple[int, int]] = []
    found = bench.bench_media(2, 2, 1, threads=1, on_progress=lambda *told: calls.append(told), config=QUICK)
    for side in SIDES:
        (stages,) = found.rounds[side]
        assert set(stages) == {*STAGES, TOTAL} | ({CURVE} if side != NAIVE else set())
        assert sum(stages[s].wall_s for s in STAGES) == pytest.approx(stages[TOTAL].wall_s)
        assert all(stages[s].wall_s > 0 for s in ("generate", "encode", "score", TOTAL))
    assert min(found.first_s, found.hit_s, found.lookups_per_s) > 0
    assert (found.threads, calls[-1]) == (1, (7, 7))


@pytest.mark.parametrize("batch", [0, 17])
def test_a_batch_that_the_stack_would_split_is_refused(batch: int) -> None:
    with pytest.raises(MobaigcError, match=f"--batch {batch}: .* expected 1 to 16"):
        bench.bench_media(4, batch, 1)


def test_a_model_set_that_is_not_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(MobaigcError, match="expected a diffusers folder"):
        bench.bench_media(1, 1, 1, models=str(tmp_path))


def test_the_command_hands_its_options_on_and_prints_table_and_ratios(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def stand_in(*options: object) -> MediaBench:
        asked.append(options[:5])
        return made_up({BATCHED: [0.1], ALONE: [0.2], NAIVE: [0.4]})

    monkeypatch.setattr(bench, "bench_media", stand_in)
    told = CliRunner().invoke(
        app, ["bench", "media", "--count", "3", "--batch", "2", "--rounds", "1", "--threads", "2"]
    )
    assert told.exit_code == 0, told.output
    assert asked == [(3, 2, 1, "embedded", 2)]
    assert "100.0 (200.0)" in told.stdout
    assert "plain diffusers: 4.00 times the CPU time of batched, 4.00 times the wall time" in told.stdout
    assert CliRunner().invoke(app, ["bench", "media", "--count", "0"]).exit_code == 2
