"""Who schedules better? Every table and figure of the comparison of schedulers, from scores that are there.

`python analysis/scheduler_comparison.py [analysis/scheduler_comparison] [--out FOLDER] [--champion priced]`

Nothing is trained or played. Each subfolder with a file scores.parquet is a scenario; what else it may have:

| file | is |
|---|---|
| scores.parquet | what `mobaigc-sim evaluate` writes |
| curves.csv | agent, seed, steps, reward, difference: the curves of training |
| bound.parquet | what `training.bounds.bound_scores` gives for the same test traces |
| generalise/WHAT-VALUE/scores.parquet | the same policies elsewhere: users-20, speed-60 (km/h), load-2 |
| ablation/scores.parquet | variants of ADD on the same test traces |

Written are, for each scenario, table.md, table.csv, by_variant.csv (every load, speed and burst by itself), ratios.csv,
generalisation.csv and ablation.csv, and figures for all of them together (PNG and PDF). Ratios put the random policy at
zero and are of interquartile means; intervals are 95 % bootstrap intervals over seeds and traces, see
`training.statistics` and `training.claims`. What is missing is left out, with a line that says so.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from mobaigc_sim.errors import MobaigcError
from mobaigc_sim.training import claims, claims_text
from mobaigc_sim.training.report import resampler_of, verdicts
from mobaigc_sim.training.statistics import Scores
from mobaigc_sim.viz import comparison_figures as figures
from mobaigc_sim.viz.style import save_figure

SCORES, CURVES, BOUND = "scores.parquet", "curves.csv", "bound.parquet"
CURVE_COLUMNS = {"agent", "seed", "steps", "difference"}


@dataclass
class Scenario:
    """The files of a scenario that are there, and a line for each that is not."""

    name: str
    scores: pd.DataFrame
    bound_1T: Scores | None = None
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)
    elsewhere: dict[tuple[str, float], pd.DataFrame] = field(default_factory=dict)
    ablation: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Tables:
    """What is told of a scenario."""

    comparison: pd.DataFrame
    by_variant: pd.DataFrame
    ratios: pd.DataFrame
    generalisation: pd.DataFrame
    ablation: pd.DataFrame
    profiles: pd.DataFrame


def main() -> None:
    """Read, tabulate, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("analysis/scheduler_comparison"))
    parser.add_argument("--out", type=Path, help="by default FOLDER/out")
    parser.add_argument("--champion", default="priced", help="rule that all others are compared with")
    chosen = parser.parse_args()
    out = chosen.out or chosen.folder / "out"
    folders = sorted(path.parent for path in chosen.folder.glob(f"*/{SCORES}"))
    if not folders:
        parser.exit(2, f"{chosen.folder}: expected a subfolder for each scenario, with a file {SCORES}\n")
    try:
        scenarios = [read(folder, chosen.champion) for folder in folders]
        told = [tabulate(scenario, chosen.champion) for scenario in scenarios]
    except MobaigcError as error:
        parser.exit(2, f"{error}\n")
    for scenario, tables in zip(scenarios, told, strict=True):
        write(scenario, tables, chosen.champion, out / scenario.name)
        for note in scenario.notes:
            print(f"{scenario.name}: {note}")
    for path in draw(scenarios, told, chosen.champion, out / "figures"):
        print(path)


def read(folder: Path, champion: str) -> Scenario:
    """A scenario; raises MobaigcError for a file that cannot be used."""
    scores, notes = claims.checked_scores(folder / SCORES, champion)
    found = Scenario(folder.name, scores, notes=list(notes))
    if (folder / BOUND).is_file():
        found.bound_1T = claims.read_bound(folder / BOUND, scores)
    else:
        found.notes.append(f"no {BOUND}: no share of the bound, no normalised scores")
    if (folder / CURVES).is_file():
        found.curves = pd.read_csv(folder / CURVES)
        if not set(found.curves) >= CURVE_COLUMNS:
            raise MobaigcError(f"{folder / CURVES}: expected the columns {', '.join(sorted(CURVE_COLUMNS))}")
    else:
        found.notes.append(f"no {CURVES}: no curves of training")
    for path in sorted(folder.glob(f"generalise/*/{SCORES}")):
        named = re.fullmatch(r"(.+)-(\d+(?:\.\d+)?)", path.parent.name)
        if named is None:
            found.notes.append(f"generalise/{path.parent.name}: left out, expected a name such as users-20")
        else:
            found.elsewhere[named[1], float(named[2])] = claims.checked_scores(path, champion)[0]
    if not found.elsewhere:
        found.notes.append("nothing in generalise: no test elsewhere")
    if (folder / "ablation" / SCORES).is_file():
        found.ablation = claims.checked_scores(folder / "ablation" / SCORES, None)[0]
    else:
        found.notes.append(f"no ablation/{SCORES}: no ablation")
    if not set(figures.PARTS) <= set(scores):
        found.notes.append("the scores have no parts of the reward: not drawn")
    return found


def tabulate(scenario: Scenario, champion: str) -> Tables:
    """All tables of a scenario; raises MobaigcError for scores that cannot be compared, naming the scenario."""
    scores, bound_1T = scenario.scores, scenario.bound_1T
    try:
        ratios, notes = claims.ratios(scores, champion, bound_1T)
        scenario.notes += notes
        elsewhere = [
            claims.differences(table, champion, list(table.loc[table["kind"] == "learned", "agent"].unique())).assign(
                scenario=scenario.name, what=what, value=value
            )
            for (what, value), table in sorted(scenario.elsewhere.items())
        ]
        comparison = claims.comparison_with_bound(scores, champion, bound_1T)
        if len(scenario.curves):
            comparison["untrained"] = comparison["agent"].map(claims.kept_untrained(scenario.curves))
        return Tables(
            comparison,
            claims.by_variant(scores, champion),
            ratios,
            pd.concat(elsewhere, ignore_index=True) if elsewhere else pd.DataFrame(),
            claims.ablation(scenario.ablation, scores, champion) if len(scenario.ablation) else pd.DataFrame(),
            claims.profiles(scores, champion, bound_1T),
        )
    except MobaigcError as error:
        raise MobaigcError(f"{scenario.name}: {error}") from None


def write(scenario: Scenario, tables: Tables, champion: str, folder: Path) -> None:
    """The tables of a scenario as Markdown and CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [
        ("table", scenario.name, tables.comparison, claims_text.COMPARISON),
        ("ratios", "Ratios", tables.ratios, claims_text.RATIOS),
        ("generalisation", "Elsewhere", tables.generalisation, claims_text.GENERALISATION),
        ("ablation", "Ablation", tables.ablation, claims_text.ABLATION),
    ]
    tables.by_variant.to_csv(folder / "by_variant.csv", index=False)
    text = []
    for name, title, table, columns in parts:
        if len(table):
            table.to_csv(folder / f"{name}.csv", index=False)
            text += [f"## {title}\n", claims_text.markdown_table(table, columns)]
    said = [f"- {line}" for line in (*verdicts(scenario.scores, champion), *scenario.notes)]
    (folder / "table.md").write_text("\n".join([*text, "## In words\n", *said]) + "\n", encoding="utf-8")


def draw(scenarios: list[Scenario], told: list[Tables], champion: str, folder: Path) -> Iterator[Path]:
    """Every figure that the data allow."""
    named = [scenario.name for scenario in scenarios]
    bounds = {s.name: resampler_of(s.scores).middle(s.bound_1T) for s in scenarios if s.bound_1T is not None}
    tables = _together(named, [tables.comparison for tables in told])
    limits = pd.DataFrame({"scenario": bounds.keys(), "bound": bounds.values()})
    yield from save_figure(figures.rewards_figure(tables, limits), folder, "rewards")
    yield from save_figure(figures.differences_figure(tables, champion), folder, "differences")
    roles = claims.ADD, claims.CONTROL, claims.BEST_MLP, champion
    profiles = _together(named, [tables.profiles for tables in told])
    if len(profiles):
        yield from save_figure(figures.profiles_panels(profiles, roles), folder, "profiles")
    parts = list(figures.PARTS)
    means = [s.scores.groupby("agent", sort=False)[parts].mean().reset_index() if set(parts) <= set(s.scores)
             else pd.DataFrame() for s in scenarios]  # fmt: skip
    curves = _together(named, [scenario.curves for scenario in scenarios])
    elsewhere = pd.concat([tables.generalisation for tables in told])
    if any(map(len, means)):
        yield from save_figure(figures.parts_figure(_together(named, means)), folder, "reward_parts")
    if len(curves):
        yield from save_figure(figures.curves_panels(curves), folder, "learning_curves")
    if len(elsewhere) and claims.ADD in set(elsewhere["agent"]):
        yield from save_figure(figures.generalisation_figure(elsewhere, claims.ADD, champion), folder, "generalisation")


def _together(names: list[str], tables: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(
        [table.assign(scenario=name) for name, table in zip(names, tables, strict=True) if len(table)] or
        [pd.DataFrame()], ignore_index=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
