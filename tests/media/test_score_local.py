"""Scorers from local weights: every one keeps the contract, raw scores become Q by the metric's range, errors help."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from safetensors.torch import load_file

from mobaigc_sim.media import score_dreamsim
from mobaigc_sim.media.config import MediaConfig
from mobaigc_sim.media.offline import no_fetching
from mobaigc_sim.media.pyiqa_networks import load_metric, range_of
from mobaigc_sim.media.score import (
    CombinedScorer,
    DreamSimSimilarity,
    EmbeddedScorer,
    OpenClipSimilarity,
    PyiqaQuality,
    Scorer,
    ScorerError,
    scorers,
)
from mobaigc_sim.media.score_base import stretched
from mobaigc_sim.media.score_open_clip import load_tower

from ..contracts.scorer_contract import ScorerContract, pictures
from .tiny_scorers import install_dreamsim, write_clip, write_metric, write_open_clip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Weights on disk, by metric."""
    folder = tmp_path_factory.mktemp("scorers")
    found = {
        "open_clip": write_open_clip(folder / "clip"),
        "resnet": write_clip(folder / "RN50.safetensors", (1, 1, 1, 1)),
        "transformer": write_clip(folder / "ViT.safetensors", 1),
    }
    found["musiq"] = write_metric(folder / "musiq.safetensors", "musiq")
    found["clipiqa+"] = write_metric(folder / "clipiqa.safetensors", "clipiqa+", found["resnet"])
    found["laion_aes"] = write_metric(folder / "laion_aes.safetensors", "laion_aes", found["transformer"])
    return found


@pytest.fixture(autouse=True)
def _given(request: pytest.FixtureRequest, files: dict[str, Path]) -> None:
    if request.instance is not None:
        request.instance.files = files


def combined(similarity: dict[str, Any], quality: dict[str, Any]) -> Scorer:
    config = MediaConfig.model_validate(
        {"scorer": {"kind": "combined", "similarity": similarity, "quality": quality}}
    ).scorer
    scorer: Scorer = scorers.get(config.kind)(config)
    return scorer


class Local(ScorerContract):
    files: dict[str, Path]

    def similarity(self) -> dict[str, Any]:
        return {"kind": "open_clip", "model": f"local-dir:{self.files['open_clip']}", "floor": 0.2}


class TestEmbedded(ScorerContract):
    size_hw = (96, 128)

    def make(self) -> Scorer:
        return EmbeddedScorer()


class TestOpenClipAndPiqe(Local):
    size_hw = (48, 80)

    def make(self) -> Scorer:
        return combined(self.similarity(), {"kind": "pyiqa", "metric": "piqe"})


class TestDreamSimAndClipIqa(Local):
    @pytest.fixture(autouse=True)
    def _dreamsim(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        install_dreamsim(monkeypatch)
        score_dreamsim._load.cache_clear()
        self.folder = tmp_path
        (tmp_path / "ensemble.safetensors").write_bytes(b"weights")

    def make(self) -> Scorer:
        quality = {"weights": str(self.files["clipiqa+"]), "backbone": str(self.files["resnet"])}
        return combined(
            {"kind": "dreamsim", "folder": str(self.folder)}, {"kind": "pyiqa", "metric": "clipiqa+", **quality}
        )


def test_the_default_scorer_is_the_embedded_one_and_combining_its_parts_gives_the_same() -> None:
    assert MediaConfig().scorer == EmbeddedScorer.Config()
    a, b = pictures(3, 128, 128, seed=1), pictures(3, 128, 128, seed=2)
    one, two = EmbeddedScorer().score(a, b), CombinedScorer().score(a, b)
    np.testing.assert_array_equal(one.s_B, two.s_B)
    np.testing.assert_array_equal(one.q_B, two.q_B)


def test_similarity_is_the_stretched_cosine_of_the_embeddings(files: dict[str, Path]) -> None:
    model = f"local-dir:{files['open_clip']}"
    a, b = pictures(4, 64, 64, seed=1), pictures(4, 64, 64, seed=2)
    tower = load_tower(model)
    with torch.no_grad():
        x = [torch.stack([tower.preprocess(Image.fromarray(p)) for p in stack]) for stack in (a, b)]
        cosine = torch.cosine_similarity(*(tower.model.encode_image(v).double() for v in x)).numpy()
    config = OpenClipSimilarity.Config(model=model, floor=0.5, batch=3)
    np.testing.assert_allclose(
        OpenClipSimilarity(config).similarity(a, b), np.clip((cosine - 0.5) / 0.5, 0, 1), atol=1e-6
    )


def test_stretching_has_its_fixed_points() -> None:
    cosine = np.array([-1.0, 0.2, 0.6, 1.0, 0.3])
    same = np.array([False, False, False, False, True])
    np.testing.assert_allclose(stretched(cosine, same, 0.2), [0, 0, 0.5, 1, 1])


def test_a_floor_that_is_not_given_is_measured_once_on_unrelated_scenes(files: dict[str, Path]) -> None:
    model = f"local-dir:{files['open_clip']}"
    measure = OpenClipSimilarity(OpenClipSimilarity.Config(model=model))
    assert 0 <= measure.floor() < 1
    assert measure.floor() == OpenClipSimilarity(OpenClipSimilarity.Config(model=model)).floor()
    a, b = pictures(4, 64, 64, seed=1), pictures(4, 64, 64, seed=2)
    given = OpenClipSimilarity(OpenClipSimilarity.Config(model=model, floor=measure.floor()))
    np.testing.assert_array_equal(measure.similarity(a, b), given.similarity(a, b))


def test_a_named_architecture_takes_weights_from_a_file(files: dict[str, Path], tmp_path: Path) -> None:
    import open_clip

    settings = json.loads((files["open_clip"] / "open_clip_config.json").read_text())
    (tmp_path / "tiny-test-tower.json").write_text(json.dumps(settings["model_cfg"]))
    open_clip.add_model_config(tmp_path / "tiny-test-tower.json")
    tensors = load_file(files["open_clip"] / "open_clip_model.safetensors")
    path = tmp_path / "tower.pt"
    torch.save({"state_dict": {f"module.{name}": value for name, value in tensors.items()}}, path)
    named = OpenClipSimilarity.Config(model="tiny-test-tower", pretrained=str(path), floor=0.0)
    folder = OpenClipSimilarity.Config(model=f"local-dir:{files['open_clip']}", floor=0.0)
    a, b = pictures(2, 64, 64, seed=1), pictures(2, 64, 64, seed=2)
    measure = OpenClipSimilarity(named)
    np.testing.assert_array_equal(measure.similarity(a, b), OpenClipSimilarity(folder).similarity(a, b))
    assert dict(measure.files()) == {"tower.pt": path}


@pytest.mark.parametrize(
    ("metric", "size", "low", "high"),
    [("musiq", 32, 0, 100), ("clipiqa+", 32, 0, 1), ("laion_aes", 64, 1, 10)],
)
def test_quality_is_the_raw_score_in_the_metrics_own_range(
    files: dict[str, Path], metric: str, size: int, low: float, high: float
) -> None:
    clip = {"clipiqa+": "resnet", "laion_aes": "transformer"}.get(metric)
    own = {"weights": str(files[metric]), "backbone": None if clip is None else str(files[clip])}
    images = pictures(3, size, size, seed=7)
    loaded = load_metric(metric, own["weights"], own["backbone"])
    raw = loaded.network(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255).double().numpy().ravel()
    quality = PyiqaQuality(PyiqaQuality.Config(metric=metric, **own, batch=2))
    np.testing.assert_allclose(quality.quality(images), np.clip((raw - low) / (high - low), 0, 1), atol=1e-5)
    assert {path.name for path in quality.files().values()} == {
        Path(p).name for p in (own["weights"], own["backbone"]) if p is not None
    }
    ends = {"low": float(raw.min() - 1), "high": float(raw.max() + 1)}
    inside = PyiqaQuality(PyiqaQuality.Config(metric=metric, **own, **ends)).quality(images)
    np.testing.assert_allclose(inside, (raw - ends["low"]) / (ends["high"] - ends["low"]), atol=1e-5)
    assert np.ptp(inside) > 0


def test_ranges_are_those_that_the_metrics_document() -> None:
    from pyiqa.default_model_configs import DEFAULT_CONFIGS

    documented = {
        "nima": (1, 10),
        "laion_aes": (1, 10),
        "topiq_iaa": (1, 10),
        "musiq": (0, 100),
        "clipiqa+": (0, 1),
        "piqe": (0, 100),
        "uranker": (-1, 2),
        "pi": (0, None),
    }
    assert {name: range_of(name, DEFAULT_CONFIGS[name]) for name in documented} == documented


def test_where_lower_is_better_quality_is_turned_round() -> None:
    import pyiqa

    images = pictures(2, 64, 64)
    raw = pyiqa.create_metric("piqe", device=torch.device("cpu"))(torch.from_numpy(images).permute(0, 3, 1, 2) / 255)
    np.testing.assert_allclose(
        PyiqaQuality(PyiqaQuality.Config(metric="piqe")).quality(images), 1 - raw.numpy().ravel() / 100, atol=1e-6
    )


def test_embedded_quality_sees_a_larger_picture_as_the_small_one_it_was_trained_on() -> None:
    scorer = EmbeddedScorer()
    small = pictures(3, 128, 128, seed=9)
    large = np.repeat(np.repeat(small, 4, 1), 4, 2)
    np.testing.assert_allclose(scorer.quality(large), scorer.quality(small), atol=1e-5)
    wide = np.concatenate([large, large[::-1]], 2)
    assert wide.shape[1:3] == (512, 1024)
    np.testing.assert_allclose(scorer.quality(wide), scorer.quality(wide[:, ::4, ::4]), atol=1e-5)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"metric": "nimaa"}, "unknown quality metric 'nimaa'; did you mean 'nima'"),
        ({"metric": "lpips"}, "unknown quality metric 'lpips'"),
        ({"metric": "pi"}, r"expects the file .*NRQM_model\.mat; fetch it from https://"),
        ({"metric": "nima", "weights": "/nowhere/nima.safetensors"}, "expects the file /nowhere/nima.safetensors"),
        ({"metric": "nima"}, r"expects the file .*NIMA_InceptionV2_ava.*\.pth; fetch it from https://"),
        ({"metric": "clipiqa+"}, r"expects the file .*RN50\.pt; fetch it from https://"),
        ({"metric": "laion_aes"}, r"expects the file .*ViT-L-14\.pt; fetch it from https://"),
        ({"metric": "topiq_iaa_res50"}, r"expects the file .*cfanet_iaa_ava_res50.*; fetch it from https://"),
    ],
)
def test_missing_weights_of_a_metric_are_one_error_that_helps(
    config: dict[str, Any], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyiqa.utils.download_util

    monkeypatch.setattr(pyiqa.utils.download_util, "DEFAULT_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    with pytest.raises(ScorerError, match=told) as caught:
        PyiqaQuality(PyiqaQuality.Config(**config)).quality(pictures(1, 64, 64))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"model": "ViT-B-33"}, "unknown open_clip model 'ViT-B-33'; did you mean 'ViT-B-32'"),
        ({"pretrained": "laion2b"}, "unknown weights 'laion2b' of ViT-B-32, and no file; did you mean 'laion2b_e16'"),
        ({"pretrained": "/nowhere/w.safetensors"}, "expects the file /nowhere/w.safetensors"),
        (
            {},
            "expects the file open_clip_model.safetensors of laion/CLIP-ViT-B-32.*models pull hub:laion/CLIP-ViT-B-32",
        ),
        ({"model": "local-dir:/nowhere"}, "expects the file /nowhere/open_clip_config.json"),
        ({"model": "hub:owner/clip"}, "expected the file open_clip_config.json in .*models pull hub:owner/clip"),
        ({"model": "hub:clip"}, "expected hub:owner/name"),
    ],
)
def test_missing_weights_of_open_clip_are_one_error_that_helps(
    config: dict[str, Any], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ScorerError, match=told) as caught:
        OpenClipSimilarity(OpenClipSimilarity.Config(**config)).similarity(pictures(1, 64, 64), pictures(1, 64, 64))
    assert "\n" not in str(caught.value)


def test_without_dreamsim_or_its_weights_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = DreamSimSimilarity(DreamSimSimilarity.Config(folder=str(tmp_path)))
    score_dreamsim._load.cache_clear()
    monkeypatch.setitem(sys.modules, "dreamsim", None)
    with pytest.raises(ScorerError, match="pip install dreamsim"):
        measure.similarity(pictures(1, 32, 32), pictures(1, 32, 32))
    install_dreamsim(monkeypatch)
    with pytest.raises(ScorerError, match=f"weights of 'ensemble' in {tmp_path}.*where there is a network"):
        measure.similarity(pictures(1, 32, 32), pictures(1, 32, 32))


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"params": Runs()}, tmp_path / "musiq.pth")
    with pytest.raises(ScorerError, match="does not load"):
        PyiqaQuality(PyiqaQuality.Config(metric="musiq", weights=str(tmp_path / "musiq.pth"))).quality(
            pictures(1, 64, 64)
        )
    with no_fetching(), pytest.raises(Exception, match=r"[Ww]eights.only"):
        torch.load(tmp_path / "musiq.pth", weights_only=False)
    assert not (tmp_path / "ran").exists()


def test_a_range_without_length_is_refused() -> None:
    with pytest.raises(ValidationError, match="low must be below high"):
        PyiqaQuality.Config(low=2.0, high=2.0)


def test_a_module_named_clip_is_not_run_by_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clip.py").write_text("raise AssertionError('ran')")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [n for n in sys.modules if n == "clip" or n.startswith("clip.")]:
        monkeypatch.delitem(sys.modules, name)
    load_metric.cache_clear()
    with pytest.raises(ScorerError, match=r"clip\.py hides the package openai-clip"):
        load_metric("piqe")
