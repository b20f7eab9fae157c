"""Loading other people's weights without a network and without pickles.

Model libraries fetch what they miss, and retry for most of a minute where there is no network. Inside `no_fetching`
the attempt is an exception at once that says what would be fetched, and `torch.load` reads tensors only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast


class WouldFetch(Exception):
    """Something tried to reach the network: `url`, and the `target` file it would have written, where known."""

    def __init__(self, url: str, target: str | None = None) -> None:
        self.url = url
        self.target = target
        super().__init__(f"{url} is not here" if target is None else f"{target} is not here")


@contextmanager
def no_fetching(*downloaders: Any) -> Iterator[list[Path]]:
    """Refuse the network to huggingface_hub, torch.hub, urllib and `downloaders`; yields the files torch reads.

    `downloaders` are modules that hold a `download_url_to_file` of their own. Raises WouldFetch inside the block;
    huggingface_hub raises its own OfflineModeIsEnabled or LocalEntryNotFoundError.
    """
    import urllib.request

    import huggingface_hub.constants
    import torch

    read: list[Path] = []
    load, load_script = torch.load, cast(Any, torch.jit.load)

    def refuse_url(url: Any, *_: Any, **__: Any) -> Any:
        raise WouldFetch(url if isinstance(url, str) else url.full_url)

    def refuse_download(url: str, dst: str, *_: Any, **__: Any) -> Any:
        raise WouldFetch(url, dst)

    def tensors_only(file: Any, *args: Any, **options: Any) -> Any:
        read.append(_path(file))
        return load(file, *args, **{**options, "weights_only": True})

    def script(file: Any, *args: Any, **options: Any) -> Any:
        loaded = load_script(file, *args, **options)
        read.append(_path(file))
        return loaded

    with ExitStack() as changed:
        changed.enter_context(_replaced(huggingface_hub.constants, "HF_HUB_OFFLINE", True))
        changed.enter_context(_replaced(urllib.request, "urlopen", refuse_url))
        changed.enter_context(_replaced(torch.hub, "urlopen", refuse_url))
        for module in (torch.hub, *downloaders):
            changed.enter_context(_replaced(module, "download_url_to_file", refuse_download))
        changed.enter_context(_replaced(torch, "load", tensors_only))
        changed.enter_context(_replaced(torch.jit, "load", script))
        yield read


def read_tensors(path: Path) -> dict[str, Any]:
    """The tensors of a safetensors file, or of a PyTorch file read without running its pickle.

    A `params` or `state_dict` level around them is taken off. Raises OSError, ValueError, RuntimeError,
    pickle.UnpicklingError or SafetensorError for what cannot be read.
    """
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return dict(load_file(path))
    import torch

    found = torch.load(path, map_location="cpu", weights_only=True)
    for level in ("params", "state_dict"):
        if isinstance(found, dict) and isinstance(found.get(level), dict):
            found = found[level]
    if not isinstance(found, dict):
        raise ValueError(f"expected named tensors, found {type(found).__name__}")
    return {str(name).removeprefix("module."): value for name, value in found.items()}


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _path(file: Any) -> Path:
    return Path(file if isinstance(file, str | Path) else file.name)
