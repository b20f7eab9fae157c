"""The one place that imports pyiqa (its licence, PolyForm Noncommercial, is not this project's).

pyiqa reads its weights with pickle, fetches what it misses, and gets CLIP through a package that needs `pkg_resources`,
which setuptools no longer has. Here nothing is fetched, only tensors are read, and the little of `pkg_resources` that
CLIP asks for is given to it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import pickle
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import did_you_mean
from .offline import WouldFetch, no_fetching, read_tensors
from .score_base import ScorerError, device, expect_file

OPEN_ENDED_OR_NOT_ALONE = frozenset({"clipscore", "fgresq", "fid", "sfid", "fid_dinov2", "inception_score"})
ON_CLIP = frozenset({"CLIPIQA", "LAIONAes", "LIQE", "QualiCLIP", "MACLIP", "AFINE", "FGResQ"})
WHOLE = frozenset({"NIMA", "CFANet", "HyperNet", "MANIQA"})
"""Kinds of metric on CLIP, and kinds whose own weights hold the backbone as well, so that it is not fetched."""
RANGES = {"nima": (1.0, 10.0), "nima-vgg16-ava": (1.0, 10.0), "laion_aes": (1.0, 10.0)}
"""Where pyiqa documents another range than the score can take: a mean of marks from 1 to 10 is never below 1."""


@dataclass(frozen=True)
class Metric:
    """A loaded no-reference metric: raw scores of `network`, in [low, high], and what they mean."""

    name: str
    network: Any
    low: float | None
    high: float | None
    lower_better: bool
    files: Mapping[str, Path]


def import_pyiqa() -> Any:
    """The package; raises ScorerError that says what to install."""
    try:
        import pyiqa
    except ImportError as reason:
        raise ScorerError(
            "the quality score needs the package pyiqa: pip install pyiqa (its licence, PolyForm Noncommercial, is "
            "not this project's; similarity, PSNR and SSIM work without it)"
        ) from reason
    logging.getLogger("pyiqa").setLevel(logging.ERROR)
    return pyiqa


@lru_cache(maxsize=2)
def load_metric(name: str, weights: str | None = None, backbone: str | None = None) -> Metric:
    """Load a no-reference metric of pyiqa from `weights` (all its tensors), else from the files that pyiqa keeps.

    `backbone` holds the tensors of OpenAI's CLIP for the metrics built on it. Raises ScorerError for an unknown metric,
    a missing package, or a missing file, which it names together with how to fetch it.
    """
    pyiqa = import_pyiqa()
    from pyiqa.default_model_configs import DEFAULT_CONFIGS

    known = [n for n, c in DEFAULT_CONFIGS.items() if c["metric_mode"] == "NR" and n not in OPEN_ENDED_OR_NOT_ALONE]
    if name not in known:
        raise ScorerError(f"unknown quality metric '{name}'; {did_you_mean(name, known)}")
    settings = DEFAULT_CONFIGS[name]
    _refuse_another_clip()
    own = [Path(p).expanduser() for p in (weights, backbone) if p is not None]
    for path in own:
        expect_file(path, name)
    options: dict[str, Any] = {}
    if weights is not None:
        options["pretrained"] = None
        if settings["metric_opts"].get("pretrained") == "ava":
            options["num_class"] = 10
    import torch

    try:
        with (
            _loading(settings["metric_opts"]["type"], backbone, weights is not None) as read,
            torch.random.fork_rng(devices=[]),
        ):
            network = pyiqa.create_metric(name, device=torch.device(device()), **options)
        if weights is not None:
            network.net.load_state_dict(read_tensors(own[0]))
    except WouldFetch as missing:
        raise ScorerError(_fetch(name, missing)) from missing
    except Exception as reason:  # pyiqa, timm, huggingface_hub and torch raise their own
        if type(reason).__name__ in ("OfflineModeIsEnabled", "LocalEntryNotFoundError"):
            raise ScorerError(f"the quality scorer {name} is not complete here; {_how(name)}") from reason
        if isinstance(reason, OSError | RuntimeError | ValueError | KeyError | TypeError | pickle.UnpicklingError) or (
            type(reason).__name__ in ("SafetensorError", "ModuleNotFoundError")
        ):
            raise ScorerError(f"the quality scorer {name} does not load: {reason}") from reason
        raise
    network.requires_grad_(False)
    files = {path.name: path for path in (*own, *read)}
    return Metric(name, network, *range_of(name, settings), bool(settings.get("lower_better", False)), files)


@contextlib.contextmanager
def _loading(kind: str, backbone: str | None, has_weights: bool) -> Iterator[list[Path]]:
    """Nothing is fetched or printed; parts whose tensors come with the metric's weights start at random."""
    import pyiqa.utils.download_util
    import timm

    with contextlib.ExitStack() as undo:
        read = undo.enter_context(no_fetching(pyiqa.utils.download_util))
        undo.enter_context(contextlib.redirect_stdout(io.StringIO()))
        undo.enter_context(_pkg_resources())
        if has_weights or kind in WHOLE:
            _without_weights(undo, timm, "create_model")
        if kind == "CFANet":
            import pyiqa.archs.topiq_arch

            _without_weights(undo, pyiqa.archs.topiq_arch, "create_swin")
        if kind in ON_CLIP:
            _find_clip(undo, None if backbone is None else read_tensors(Path(backbone).expanduser()))
        yield read


def _without_weights(undo: contextlib.ExitStack, module: Any, name: str) -> None:
    create = getattr(module, name)
    undo.callback(setattr, module, name, create)
    setattr(module, name, lambda *a, **k: create(*a, **{**k, "pretrained": False}))


def _find_clip(undo: contextlib.ExitStack, tensors: dict[str, Any] | None) -> None:
    """CLIP comes from `tensors`, else from the files that its two loaders keep, whose checksums they know."""
    import clip.clip
    import pyiqa.archs.clip_model as own
    import pyiqa.archs.clipiqa_arch as clipiqa

    for module in (clip.clip, own):
        undo.callback(setattr, module, "_download", module._download)
        module._download = _only_if_there(module._download)
    if tensors is None:
        return

    def plain(*_: Any, **__: Any) -> Any:
        return clip.model.build_model(dict(tensors)).float().eval(), None

    def with_positions(*_: Any, **__: Any) -> Any:
        return own.build_model(dict(tensors)).float().eval()

    loaders: tuple[tuple[Any, Any], ...] = ((clip, plain), (own, with_positions), (clipiqa, with_positions))
    for module, loader in loaders:
        undo.callback(setattr, module, "load", module.load)
        module.load = loader


def _only_if_there(download: Callable[[str, str], str]) -> Callable[[str, str], str]:
    def checked(url: str, root: str) -> str:
        target = Path(root) / url.rpartition("/")[2]
        if not target.is_file():
            raise WouldFetch(url, str(target))
        return download(url, root)

    return checked


def _refuse_another_clip() -> None:
    """A user's own `clip.py` beside the script would be run by pyiqa's `import clip`; raises ScorerError instead."""
    found = importlib.util.find_spec("clip")
    if found is not None and found.submodule_search_locations is None:
        raise ScorerError(f"{found.origin} hides the package openai-clip, which pyiqa imports as 'clip': rename it")


@contextlib.contextmanager
def _pkg_resources() -> Iterator[None]:
    """`from pkg_resources import packaging` works inside the block."""
    if importlib.util.find_spec("pkg_resources") is not None:
        yield
        return
    import packaging.version

    module = types.ModuleType("pkg_resources")
    module.packaging = packaging  # type: ignore[attr-defined]
    sys.modules["pkg_resources"] = module
    try:
        yield
    finally:
        del sys.modules["pkg_resources"]


def range_of(name: str, settings: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Lowest and highest raw score, None where open: pyiqa writes them as "~0, ~100"."""
    if name in RANGES:
        return RANGES[name]
    low, _, high = str(settings.get("score_range", "~, ~")).replace("~", "").partition(",")
    return tuple(float(end) if end.strip() else None for end in (low, high))  # type: ignore[return-value]


def _fetch(name: str, missing: WouldFetch) -> str:
    if missing.target is not None:
        return f"the quality scorer {name} expects the file {missing.target}; fetch it from {missing.url}"
    return f"the quality scorer {name} is not complete here: fetch {missing.url}, or {_how(name)}"


def _how(name: str) -> str:
    return f"""fetch it where there is a network: python -c "import pyiqa; pyiqa.create_metric('{name}')" """.strip()
