"""Every shipped scenario starts, runs and has the users and cells it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobaigc_sim.cell.cell import Cell
from mobaigc_sim.kernel.probes import Probes
from mobaigc_sim.scenario.load import load_scenario

from .conftest import CheapMedia

SCENARIOS = Path(__file__).parents[2] / "scenarios"
CELLS = {"handover_study": 21, "vehicular_macro": 21, "high_speed_rail": 4, "indoor_hotspot": 12}


@pytest.mark.parametrize("name", sorted(path.stem for path in SCENARIOS.glob("*.yaml")))
def test_a_shipped_scenario_runs(name: str) -> None:
    # the first car of the trace comes later than the other scenarios need to show that they run
    duration = "4 s" if name == "junction" else "300 ms"
    scenario = load_scenario(SCENARIOS / f"{name}.yaml", [f"duration={duration}", "warmup=0 s"])
    probes = Probes()
    rows: list[object] = []
    probes.subscribe("users", rows.append)  # type: ignore[arg-type]
    media = None if scenario.media.mode == "bank" else CheapMedia(scenario.media)
    cell = Cell(scenario, probes, media)  # type: ignore[arg-type]
    cell.run()
    assert cell.network.link.n_cell == CELLS.get(name, 1)
    assert cell.clock.now_ns >= scenario.duration
    assert rows
