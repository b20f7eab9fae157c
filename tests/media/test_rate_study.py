"""The study of bytes against JPSQ: every method sends what it says, and what it shows is scored against the same
pictures."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
import pytest

from mobaigc_sim.media import rate_study
from mobaigc_sim.media.config import MediaConfig
from mobaigc_sim.media.rate_study import AUTOENCODER, COLUMNS, OTHER_SELECTORS, OURS, RESTORATION, RateStudy
from mobaigc_sim.viz.rate_figure import rate_figure

PROMPTS = (
    "a fox on a snowy hill at night",
    "an apple on a wooden table during the day",
    "a red car in a meadow during the day with a balloon in the sky",
    "a lion on a city street at sunset",
    "a panda in the desert during the day",
    "a castle in the mountains at night",
)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Six pictures, few settings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rate_study, "KEEPS", (0.25, 1.0))
        patch.setattr(rate_study, "SPARSE_KEEPS", (0.25,))
        patch.setattr(rate_study, "SIDES_PX", (16,))
        patch.setattr(rate_study, "QUALITIES", {"avif": (6,), "jpeg": ()})
        return RateStudy(PROMPTS, tuple(range(len(PROMPTS)))).table()


def _mean(table: pd.DataFrame, method: str, column: str, setting: float | None = None) -> float:
    rows = table[(table["method"] == method) & ((table["setting"] == setting) | (setting is None))]
    assert len(rows), method
    return float(rows[column].mean())


def test_each_method_and_setting_has_one_row_a_picture(table: pd.DataFrame) -> None:
    assert tuple(table.columns) == COLUMNS
    for _, rows in table.groupby(["method", "setting"]):
        assert rows["prompt"].tolist() == list(range(len(PROMPTS)))
    assert table[["s", "q", "jpsq"]].stack().between(0, 1).all()
    assert ((table["s"] + table["q"]) / 2).to_numpy() == pytest.approx(table["jpsq"].to_numpy())
    assert set(OTHER_SELECTORS) < set(table["method"])


def test_bytes_are_those_of_what_is_sent(table: pd.DataFrame) -> None:
    assert _mean(table, OURS, "bytes", 0.25) < _mean(table, OURS, "bytes", 1.0)
    assert _mean(table, "AVIF", "bytes", 6) < _mean(table, "AVIF", "bytes", 42) < _mean(table, "PNG", "bytes")
    assert _mean(table, "prompt + seed", "bytes") < _mean(table, "low resolution + diffusion", "bytes")
    filled = table[table["method"] == f"{OURS}, filled"]["bytes"].tolist()
    assert filled == table[(table["method"] == OURS) & (table["setting"] == 0.25)]["bytes"].tolist()
    for quality in (6.0, 42.0):
        plain = _mean(table, "AVIF", "bytes", quality)
        assert _mean(table, "AVIF" + AUTOENCODER, "bytes", quality) == plain
        # the prompt that restoration needs: six bits a word, and its length
        assert 6 <= _mean(table, "AVIF" + RESTORATION, "bytes", quality) - plain <= 12


def test_what_is_the_same_picture_scores_as_such(table: pd.DataFrame) -> None:
    for method in ("PNG", "prompt + seed"):
        assert _mean(table, method, "s") == 1
    assert _mean(table, "prompt alone", "s") < _mean(table, OURS, "s", 0.25)
    assert _mean(table, "AVIF", "psnr_db", 42) > 33


def test_painting_the_rest_and_restoring_codecs_earn_their_keep(table: pd.DataFrame) -> None:
    assert _mean(table, OURS, "jpsq", 0.25) > _mean(table, f"{OURS}, filled", "jpsq") + 0.01
    assert _mean(table, "AVIF" + RESTORATION, "jpsq", 6) > _mean(table, "AVIF", "jpsq", 6) + 0.01


def test_the_figure_shows_every_method_but_png(table: pd.DataFrame) -> None:
    figure = rate_figure(table, {"reference": (700.0, 0.9)})
    drawn = {text.get_text() for axes in figure.axes for text in axes.get_legend().get_texts()}
    assert drawn == set(table["method"]) - {"PNG"}
    assert [text.get_text() for text in figure.axes[1].texts] == ["reference"]


def test_a_study_survives_the_way_to_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    study = RateStudy(("a fox",), (1,), MediaConfig(jpsq_weight=0.25))
    assert pickle.loads(pickle.dumps(study)) == study
    threads: list[int] = []
    monkeypatch.setattr("torch.get_num_threads", lambda: 5)
    monkeypatch.setattr("torch.set_num_threads", threads.append)
    rate_study._share_cores(2)
    rate_study._share_cores(9)
    assert threads == [2, 1]


def test_processes_share_whole_batches_and_keep_the_numbers_of_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    class Serial:
        """Runs at once what a pool would run elsewhere."""

        def __init__(self, *_: Any) -> None: ...

        def __enter__(self) -> Serial:
            return self

        def __exit__(self, *_: Any) -> None: ...

        def map(self, run: Callable[[RateStudy], Any], studies: Iterable[RateStudy]) -> Iterable[Any]:
            return map(run, studies)

    seen = []

    def measured(study: RateStudy) -> pd.DataFrame:
        seen.append(len(study.prompts))
        return pd.DataFrame({"prompt": range(len(study.prompts)), "seed": study.seeds})

    monkeypatch.setattr(rate_study, "ProcessPoolExecutor", Serial)
    monkeypatch.setattr(RateStudy, "table", measured)
    table = rate_study.rate_table(["a fox"] * 50, range(7, 57), MediaConfig(), jobs=2)
    assert seen == [32, 18]
    assert (table["seed"] - table["prompt"] == 7).all()
    assert table["prompt"].tolist() == list(range(50))
