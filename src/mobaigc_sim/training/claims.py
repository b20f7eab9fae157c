"""What a comparison of schedulers claims: shares of the bound, ratios over groups of agents, performance profiles.

All ratios put the random policy at zero, since the zero of the reward is a convention of the scenario. Each is of
interquartile means over seeds and traces, and stands beside the difference of mean rewards on the same traces.

Shapes: S seeds, T traces, K thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import MobaigcError
from ..metrics.stats import Interval
from .baselines.agents import AGENTS
from .config import RANDOM
from .report import MEANS, _columns, comparison, means_of, resampler_of, score_matrix
from .scores import read_scores
from .statistics import Pool, Scores, mean_of

ADD, CONTROL = "add", "sac-set"
"""The agent that claims are about, and the one with its encoder but without its diffusion chain."""
MLP_AGENTS = tuple(name for name in AGENTS if not name.endswith("-set"))
BEST_MLP, OTHER = "best MLP agent", "other agents"
THRESHOLDS = 121
_NEEDED = ("agent", "kind", "seed", "variant", "trace", "reward", "requests", *MEANS)


def checked_scores(path: Path, champion: str | None) -> tuple[pd.DataFrame, list[str]]:
    """Scores, which must have the champion unless that is None, and their notes.

    MobaigcError for a file that cannot be compared, which names the file.
    """
    scores, notes = read_scores(path)
    absent = [name for name in _NEEDED if name not in scores]
    if absent:
        raise MobaigcError(f"{path}: lacks the columns {', '.join(absent)}")
    if champion is not None and champion not in set(scores["agent"]):
        raise MobaigcError(f"{path}: no rows of the champion {champion}, which all others are to be compared with")
    return scores, notes


def read_bound(path: Path, scores: pd.DataFrame) -> Scores:
    """Upper bounds (1, T) of the traces of scores; MobaigcError where a trace has none."""
    table = pd.read_parquet(path)
    absent = [name for name in ("knows", "trace", "reward") if name not in table]
    if absent:
        raise MobaigcError(f"{path}: lacks the columns {', '.join(absent)}")
    bound = table[table["knows"] == "fading"].set_index("trace")["reward"]
    traces = np.sort(scores["trace"].unique())
    lost = [str(trace) for trace in traces if trace not in bound.index]
    if lost:
        raise MobaigcError(f"{path}: no bound that knows the fading for the traces {', '.join(lost)}")
    return bound.loc[traces].to_numpy(np.float64)[None]


def comparison_with_bound(scores: pd.DataFrame, champion: str, bound_1T: Scores | None) -> pd.DataFrame:
    """The columns of `report.comparison`, and with a bound two more, both with intervals.

    `normalised`: (reward − random) / (bound − random). `bound_share`: reward / bound, with the scenario's own zero.
    """
    table = comparison(scores, champion)
    if bound_1T is None:
        return table
    draw, zero_1T = resampler_of(scores), np.zeros_like(bound_1T)
    base_ST = _random(scores)
    nothing = Interval(np.nan, np.nan, np.nan)
    rows = []
    for agent in table["agent"]:
        own_ST = score_matrix(scores, agent)
        normalised = nothing if base_ST is None else draw.ratio(own_ST, bound_1T, base_ST)
        rows.append(_columns("normalised", normalised) | _columns("bound_share", draw.ratio(own_ST, bound_1T, zero_1T)))
    return table.join(pd.DataFrame(rows))


def kept_untrained(curves: pd.DataFrame) -> pd.Series:
    """How many seeds of each agent kept the policy they began with, as no later one was better in validation."""
    best = curves.loc[curves.sort_values("steps").groupby(["agent", "seed"])["difference"].idxmax()]
    return (best["steps"] == 0).groupby(best["agent"]).sum()


def mlp_agents(scores: pd.DataFrame) -> list[str]:
    """The MLP baselines that have scores, best first by interquartile mean."""
    found, draw = [name for name in MLP_AGENTS if name in set(scores["agent"])], resampler_of(scores)
    return sorted(found, key=lambda name: -draw.middle(score_matrix(scores, name)))


def ratios(scores: pd.DataFrame, champion: str, bound_1T: Scores | None) -> tuple[pd.DataFrame, list[str]]:
    """ADD over the MLP baselines, the control, the champion and the bound; and a note for each that is left out.

    Columns: over, members, and ratio and difference with intervals. The mean of the baselines is that of their
    interquartile means (for the difference: means), an agent counting the same however many seeds it has; the best of
    them is the one with the largest, chosen anew in every resample, so that the interval holds the luck of being the
    best.
    """
    base_ST, mlp = _random(scores), mlp_agents(scores)
    if ADD not in set(scores["agent"]) or base_ST is None:
        return pd.DataFrame(), [f"no ratios: the scores need rows of {ADD} and of {RANDOM}"]
    many = f"of {len(mlp)} MLP agents"
    groups: list[tuple[str, list[str], Pool]] = [(f"mean {many}", mlp, mean_of), (f"best {many}", mlp, max)]
    wanted = [group for group in groups if mlp] + [(CONTROL, [CONTROL], max), (champion, [champion], max)]
    notes = [] if mlp else ["no ratio over MLP agents: the scores have none"]
    draw, own_ST, rows = resampler_of(scores), score_matrix(scores, ADD), []
    for over, members, pool in wanted:
        if not set(members) <= set(scores["agent"]):
            notes.append(f"no ratio over {over}: the scores have no rows of it")
            continue
        group = [score_matrix(scores, name) for name in members]
        ratio = draw.ratio_to_group(own_ST, group, base_ST, pool)
        if not np.isfinite(ratio.low):
            notes.append(f"{over}: not above {RANDOM} in every resample, so that its ratio has no interval")
        difference = draw.difference_to_group(own_ST, group, pool)
        rows.append(_row(over, members, ratio, difference))
    if bound_1T is not None:
        told = draw.ratio(own_ST, bound_1T, base_ST), draw.difference(own_ST, bound_1T)
        rows.append(_row("bound", [], *told))
    return pd.DataFrame(rows), notes


def profiles(scores: pd.DataFrame, champion: str, bound_1T: Scores | None) -> pd.DataFrame:
    """Performance profiles of the champion and the agents: rows of agent, role, measure, threshold, share, low, high.

    The measure is the normalised score of each seed and trace, (reward − random) / (bound − random) with the random
    policy's and the bound's reward on the same trace; without a bound or random it is reward − the champion's, of the
    agents alone.
    """
    base_ST, champion_T = _random(scores), score_matrix(scores, champion).mean(axis=0)
    kinds = scores.drop_duplicates("agent").set_index("agent")["kind"]
    agents = [str(name) for name, kind in kinds.items() if kind == "learned" or name == champion]
    rewards = {name: score_matrix(scores, name) for name in agents}
    if bound_1T is None or base_ST is None:
        measure = f"reward above {champion}"
        measured = {name: own_ST - champion_T for name, own_ST in rewards.items() if name != champion}
    else:
        measure, random_T = "normalised score", base_ST.mean(axis=0)
        scale_T = bound_1T[0] - random_T
        if (scale_T <= 0).any():
            raise MobaigcError(f"the bound is not above {RANDOM} on trace {int(np.argmin(scale_T))}")
        measured = {name: (own_ST - random_T) / scale_T for name, own_ST in rewards.items()}
    if not measured:
        return pd.DataFrame()
    ends = np.array([np.quantile(own_ST, [0.02, 1.0]) for own_ST in measured.values()])
    thresholds_K = np.linspace(ends[:, 0].min(), ends[:, 1].max(), THRESHOLDS)
    draw, best = resampler_of(scores), mlp_agents(scores)[:1]
    found = []
    for name, own_ST in measured.items():
        share_K, low_K, high_K = draw.profile(own_ST, thresholds_K)
        role = name if name in (ADD, CONTROL, champion) else BEST_MLP if name in best else OTHER
        told = {"threshold": thresholds_K, "share": share_K, "low": low_K, "high": high_K}
        found.append(pd.DataFrame({"agent": name, "role": role, "measure": measure, **told}))
    return pd.concat(found, ignore_index=True)


def differences(scores: pd.DataFrame, champion: str, agents: Sequence[str]) -> pd.DataFrame:
    """Mean paired difference of agents to the champion: rows of agent, seeds, difference and its interval."""
    draw, best_ST = resampler_of(scores), score_matrix(scores, champion)
    rows = []
    for agent in agents:
        own_ST = score_matrix(scores, agent)
        told = _columns("difference", draw.difference(own_ST, best_ST))
        rows.append({"agent": agent, "seeds": len(own_ST), **told})
    return pd.DataFrame(rows, columns=["agent", "seeds", *_names("difference")])


def by_variant(scores: pd.DataFrame, champion: str) -> pd.DataFrame:
    """A row for each variant of the scenario and contestant, on the traces of that variant alone.

    `requests`: mean number of a trace, the load. `reward` and what follows `difference` are means.
    """
    found = []
    for variant, of_variant in scores.groupby("variant"):
        names = list(dict.fromkeys(of_variant["agent"]))
        rows = []
        for name in names:
            own = of_variant[of_variant["agent"] == name]
            rows.append({"reward": float(own["reward"].mean()), **means_of(own)})
        table = differences(of_variant, champion, names).join(pd.DataFrame(rows))
        table.insert(0, "requests", float(of_variant.drop_duplicates("trace")["requests"].mean()))
        table.insert(0, "variant", variant)
        found.append(table)
    return pd.concat(found, ignore_index=True)


def ablation(scores: pd.DataFrame, main: pd.DataFrame, champion: str) -> pd.DataFrame:
    """The columns of `report.comparison`, and `to_add`: the mean paired difference to ADD, with its interval.

    ADD, the champion and the random policy are taken from the main scores where those of the ablation lack them, which
    must then be of the same traces: MobaigcError where they are not.
    """
    absent = [name for name in (ADD, champion, RANDOM) if name not in set(scores["agent"])]
    taken = main[main["agent"].isin(absent)]
    if len(taken):
        of_trace = ["trace", "variant", "requests"]
        own, other = (t[of_trace].drop_duplicates().sort_values("trace").to_numpy().tolist() for t in (scores, taken))
        if own != other:
            raise MobaigcError("the scores of the ablation are not of the traces of the main scores")
        scores = pd.concat([taken, scores], ignore_index=True)
    table = comparison(scores, champion)
    if ADD not in set(scores["agent"]):
        return table
    told = differences(scores, ADD, table["agent"].to_list())
    told.loc[told["agent"] == ADD, _names("difference")] = np.nan
    return table.join(told[_names("difference")].rename(columns=lambda name: name.replace("difference", "to_add")))


def _random(scores: pd.DataFrame) -> Scores | None:
    return score_matrix(scores, RANDOM) if RANDOM in set(scores["agent"]) else None


def _row(over: str, members: Sequence[str], ratio: Interval, difference: Interval) -> dict[str, object]:
    named = ", ".join(members) if len(members) > 1 else ""
    return {"over": over, "members": named, **_columns("ratio", ratio), **_columns("difference", difference)}


def _names(name: str) -> list[str]:
    return [name, f"{name}_low", f"{name}_high"]
