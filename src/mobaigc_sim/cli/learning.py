"""`mobaigc-sim train`, `evaluate` and `tune`: schedulers that learn, their comparison with rules, and tuned rules."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import MobaigcError
from .shared import Overrides, print_table

if TYPE_CHECKING:
    from ..training.plan import Plan

TrainingFile = Annotated[str, typer.Argument(metavar="FILE", help="Training file (YAML).", show_default=False)]
Out = Annotated[Path | None, typer.Option(help="Folder of the runs; by default runs/NAME.", show_default=False)]
Jobs = Annotated[int, typer.Option(min=1, help="Processes.")]


def train(
    file: TrainingFile,
    out: Out = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Train this agent only; may be repeated.")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="Seeds to train, for example 0-2,5; by default all.", show_default=False)
    ] = None,
    jobs: Jobs = 1,
    overrides: Overrides = None,
) -> None:
    """Train every agent of a file that is not trained yet, one process a run; what was stopped goes on.

    `--set` changes a key of the training file, for example steps=1000, or else one of its scenarios.
    """
    plan, folder = _plan(file, out, overrides)
    from ..experiment.bank_command import read_seeds
    from ..experiment.many import run_many
    from ..training.runs import runs_to_do
    from ..training.train import train_one

    runs = runs_to_do(plan, folder, only or (), None if seeds is None else read_seeds(seeds))
    run_many(train_one, runs, jobs)
    typer.echo(f"{len(runs)} runs trained: {folder}" if runs else f"nothing left to train: {folder}")


def evaluate(
    file: TrainingFile,
    out: Out = None,
    tag: Annotated[
        str | None,
        typer.Option(help="Subfolder of the results, for comparisons besides the main one.", show_default=False),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Play this rule or agent, the champion and the random policy; may be repeated."
        ),
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(min=1, help="Users that an agent sees at most; by default as trained.")
    ] = None,
    bound: Annotated[
        int, typer.Option(min=0, metavar="N", help="Clairvoyant bound of the first N traces, about 10 s each.")
    ] = 0,
    from_scores: Annotated[
        bool, typer.Option("--from-scores", help="Play nothing: tables and figures from the scores that are there.")
    ] = False,
    jobs: Jobs = 1,
    overrides: Overrides = None,
) -> None:
    """Play every rule and every trained agent of a file on the same test traces, and compare them with intervals.

    Writes scores.parquet, curves.csv, bound.parquet if asked for, table.csv, table.md and figures. What the first two
    have of runs of the same settings that are not here is kept. `--set` is that of `train`.
    """
    if only and tag is None:
        raise MobaigcError("--only: expected --tag too, so that the scores of all others are kept")
    plan, runs = _plan(file, out, overrides)
    folder = runs if tag is None else runs / tag
    from ..training.evaluate import BOUND, SCORES
    from ..training.report import GROUPS, HEADINGS, comparison, lines, markdown, verdicts
    from ..training.scores import CURVES, read_curves, read_scores, write_curves, write_scores

    if not from_scores:
        from ..experiment.many import run_many
        from ..training.evaluate import contestants, earlier_rows, gather, gather_curves, only_these, play_one
        from ..training.pools import cached_pool

        test = cached_pool(plan.scenarios("test"), runs / "traces", "test")
        tasks = contestants(plan, runs, test, plan.config.tokens if tokens is None else tokens)
        tasks = only_these(plan, tasks, only or ())
        earlier, notes = earlier_rows(tasks, folder / SCORES)
        played = run_many(play_one, [task for task in tasks if task.is_here], jobs)
        notes += [note for _, note in played if note is not None]
        scores = gather(plan, [*earlier, *(rows for rows, _ in played if rows is not None)])
        write_scores(scores, notes, folder / SCORES)
        write_curves(gather_curves(tasks, folder / CURVES), folder / CURVES)
        if bound:
            from ..training.bounds import bound_scores

            pool = test.load()
            first = replace(pool, traces=pool.traces[:bound])
            kept = runs / "traces" / f"bound-{test.digest}.parquet"

            def share(work: Any, tasks: Any, take: Any) -> None:
                run_many(work, tasks, jobs, take)

            bound_scores(first, ("fading",), kept=kept, share=share).to_parquet(folder / BOUND, index=False)
    scores, notes = read_scores(folder / SCORES)
    champion = plan.config.champion_name
    table, sentences = comparison(scores, champion), verdicts(scores, champion)
    table.to_csv(folder / "table.csv", index=False)
    (folder / "table.md").write_text(markdown(table, sentences, notes), encoding="utf-8")
    from ..viz.learning import draw_comparison

    draw_comparison(scores, table, read_curves(folder / CURVES), champion, folder / "figures")
    for group in GROUPS:
        print_table((HEADINGS[0], *HEADINGS[group]), [(line[0], *line[group]) for line in lines(table)])
    for line in (*sentences, *notes):
        typer.echo(line)
    typer.echo(f"scores, tables and figures: {folder}")


def tune(
    file: TrainingFile,
    out: Out = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Tune this rule only; may be repeated.")
    ] = None,
    jobs: Jobs = 1,
    overrides: Overrides = None,
) -> None:
    """Try other numbers for every rule of a file that says what to tune, all with the same budget.

    What was stopped goes on. Writes tuning.csv and tuned.yaml, whose values are for the author to put into the file.
    """
    plan, folder = _plan(file, out, overrides)
    from ..experiment.many import run_many
    from ..training.tune import TUNED, best_of, play_trial, told, trials_of, trials_to_do, write_best
    from ..training.tuning_log import TUNING, open_log

    trials = trials_of(plan, folder)
    to_do = trials_to_do(trials, open_log(folder / TUNING), only or ())
    run_many(play_trial, to_do, jobs)
    best = best_of(trials, open_log(folder / TUNING))
    write_best(folder / TUNED, best)
    columns = "rule", "trials", "reward as configured", "best reward", "best values"
    print_table(
        columns,
        [(one.rule, str(one.trials), f"{one.configured:.3f}", f"{one.reward:.3f}", told(one.values)) for one in best],
    )
    typer.echo(f"{len(to_do)} trials played: {folder / TUNED}")


def _plan(file: str, out: Path | None, overrides: list[str] | None) -> tuple[Plan, Path]:
    """The plan of a training file and the folder of its runs."""
    if find_spec("stable_baselines3") is None or find_spec("sb3_contrib") is None:
        raise MobaigcError("learning needs further packages: pip install 'mobaigc-sim[rl]'")
    from ..training.plan import read_plan

    plan = read_plan(file, overrides or ())
    return plan, Path("runs", plan.config.name) if out is None else out
