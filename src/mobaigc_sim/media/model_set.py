"""A set of models as one loaded object: a diffusers text-to-image pipeline and its image-to-image twin.

`embedded` is the set shipped with the package, `hub:owner/name` one in the local Hugging Face cache, anything else a
folder in the layout that `DiffusionPipeline.from_pretrained` reads. Loading fetches nothing and reads safetensors only.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import MobaigcError, did_you_mean
from .hub import HUB, HubError, cached_folder, how_to_fetch
from .image_to_image import twin_of
from .offline import WouldFetch, no_fetching

EMBEDDED = Path(__file__).parent / "pack" / "weights" / "generator"
PIPELINES = ("StableDiffusionPipeline", "StableDiffusionXLPipeline")
AUTOENCODERS = ("AutoencoderKL", "AutoencoderTiny")
_LATENTS_AT_ONCE = 16 * 64 * 64


class ModelSetError(MobaigcError):
    """A model set that cannot be loaded; says which file was expected where, and how to get it."""


@dataclass(frozen=True)
class ModelSet:
    """A text-to-image pipeline and its image-to-image twin, which share their parts."""

    name: str
    text_to_image: Any
    image_to_image: Any

    @property
    def latent_hw(self) -> tuple[int, int]:
        """Height and width of the latents."""
        size = self.text_to_image.unet.config.sample_size
        return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width of the pictures in pixels."""
        scale = int(self.text_to_image.vae_scale_factor)
        return self.latent_hw[0] * scale, self.latent_hw[1] * scale

    @property
    def batch(self) -> int:
        """Pictures that go through the models together: 16 at 512 px, 4 at 1024 px; bounds the memory."""
        return max(1, _LATENTS_AT_ONCE // (self.latent_hw[0] * self.latent_hw[1]))


def locate(name: str) -> Path:
    """The folder of a model set; a `hub:` name may end in `@REVISION`.

    Raises ModelSetError when a hub set is not in the local cache, or its name is not `hub:owner/name`.
    """
    if name == "embedded":
        return EMBEDDED
    if not name.startswith(HUB):
        return Path(name).expanduser()
    try:
        return cached_folder(name, "model_index.json")
    except HubError as reason:
        raise ModelSetError(f"model set {reason}") from None


def read_index(name: str, folder: Path) -> dict[str, tuple[str, str]]:
    """Parts of a set, name → (library, class), from its `model_index.json`; the pipeline's class is `_class_name`.

    Raises ModelSetError when the index or a file of a part is missing, or the pipeline is of another kind.
    """
    index = folder / "model_index.json"
    if not index.is_file():
        raise ModelSetError(f"model set '{name}': expected a diffusers folder with the file {index}{_advice(name)}")
    try:
        read = dict(json.loads(index.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as reason:
        raise ModelSetError(f"model set '{name}': expected JSON in {index}: {reason}") from reason
    kind = str(read.get("_class_name"))
    if kind not in PIPELINES:
        raise ModelSetError(f"model set '{name}': cannot use a pipeline '{kind}'; {did_you_mean(kind, PIPELINES)}")
    parts = {
        part: (str(value[0]), str(value[1]))
        for part, value in read.items()
        if not part.startswith("_") and isinstance(value, list) and len(value) == 2 and value[1] is not None
    }
    for part, (_, class_name) in parts.items():
        _check_part(name, folder / part, class_name)
    return {"_class_name": ("diffusers", kind), **parts}


def _check_part(name: str, folder: Path, class_name: str) -> None:
    if "Tokenizer" in class_name or "Scheduler" in class_name or "Processor" in class_name or "Extractor" in class_name:
        if not any(folder.glob("*.json")):
            raise ModelSetError(f"model set '{name}': expected a JSON file in {folder}{_advice(name)}")
        return
    if not (folder / "config.json").is_file():
        raise ModelSetError(f"model set '{name}': expected the file {folder / 'config.json'}{_advice(name)}")
    weights = list(folder.glob("*.safetensors"))
    if not weights:
        stem = "model" if "CLIP" in class_name or "Safety" in class_name else "diffusion_pytorch_model"
        pickled = " (only pickled weights are there: convert them)" if any(folder.glob("*.bin")) else ""
        raise ModelSetError(
            f"model set '{name}': expected the file {folder / f'{stem}.safetensors'}{pickled}{_advice(name)}"
        )
    for index in folder.glob("*.safetensors.index*.json"):
        try:
            shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, TypeError, AttributeError) as reason:
            raise ModelSetError(f"model set '{name}': expected a list of weight files in {index}: {reason}") from reason
        for shard in shards:
            if not (folder / shard).is_file():
                raise ModelSetError(f"model set '{name}': expected the file {folder / shard}{_advice(name)}")


def _advice(name: str) -> str:
    return f"; {how_to_fetch(name)}" if name.startswith(HUB) else ""


def placement() -> tuple[str, Any]:
    """Device and precision of the UNet and the text encoders: half precision on a GPU, single on a CPU."""
    import torch

    return ("cuda", torch.float16) if torch.cuda.is_available() else ("cpu", torch.float32)


def variant_of(folder: Path) -> str | None:
    """`fp16` when the UNet's weights are there in that variant only, else None."""
    names = [f.name for f in (folder / "unet").glob("*.safetensors")]
    return "fp16" if names and all(".fp16" in name for name in names) else None


@lru_cache(maxsize=2)
def load_model_set(name: str) -> ModelSet:
    """Load a set, on the GPU when there is one; the autoencoder stays in single precision.

    Raises ModelSetError.
    """
    folder = locate(name)
    parts = read_index(name, folder)
    kind, autoencoder = parts["_class_name"][1], parts.get("vae", ("", "none"))[1]
    if autoencoder not in AUTOENCODERS:
        raise ModelSetError(
            f"model set '{name}': expected one of {', '.join(AUTOENCODERS)} as vae, found {autoencoder}"
        )

    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    import diffusers
    import torch
    from diffusers.utils import logging as diffusers_logging
    from huggingface_hub.errors import HfHubHTTPError
    from safetensors import SafetensorError
    from transformers.utils import logging as transformers_logging

    diffusers_logging.set_verbosity_error()
    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.getLogger("transformers").setLevel(logging.ERROR)
    device, dtype = placement()
    try:
        with no_fetching():
            pipeline = getattr(diffusers, kind).from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=dtype, variant=variant_of(folder)
            )
    except (
        OSError,
        ValueError,
        AttributeError,
        TypeError,
        KeyError,
        RuntimeError,
        ImportError,
        SafetensorError,
    ) as reason:
        raise ModelSetError(f"model set '{name}': {folder} does not load: {reason}") from reason
    except (WouldFetch, HfHubHTTPError) as reason:
        raise ModelSetError(f"model set '{name}': {folder} is not complete: {reason}") from reason
    pipeline.to(device)
    # this layout makes the autoencoder a quarter faster on a CPU (the UNet gains nothing); pictures agree to 5e-6
    pipeline.vae.to(torch.float32, memory_format=torch.channels_last)
    twin = twin_of(pipeline)
    for each in (pipeline, twin):
        each.set_progress_bar_config(disable=True)
        each.watermark = None
    return ModelSet(name, pipeline, twin)
