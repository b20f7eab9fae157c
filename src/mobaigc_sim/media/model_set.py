"""A set of models as one loaded object: a diffusers text-to-image folder and its image-to-image twin.

`embedded` is the set shipped with the package; anything else is a local folder in the layout that
`DiffusionPipeline.from_pretrained` reads. Nothing is fetched: a missing folder is one clear error.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import MobaigcError

EMBEDDED = Path(__file__).parent / "pack" / "weights" / "generator"


class ModelSetError(MobaigcError):
    """A model set that cannot be loaded; says which file was expected where."""


@dataclass(frozen=True)
class ModelSet:
    """A text-to-image pipeline and its image-to-image twin, which share their parts."""

    name: str
    text_to_image: Any
    image_to_image: Any

    @property
    def latent_px(self) -> int:
        """Side of the latents."""
        return int(self.text_to_image.unet.config.sample_size)

    @property
    def size_px(self) -> int:
        """Side of the picture."""
        return self.latent_px * int(self.text_to_image.vae_scale_factor)


@lru_cache(maxsize=2)
def load_model_set(name: str) -> ModelSet:
    """Load `embedded` or a local folder, on the GPU when there is one; raises ModelSetError."""
    folder = EMBEDDED if name == "embedded" else Path(name)
    index = folder / "model_index.json"
    if not index.is_file():
        raise ModelSetError(f"model set '{name}': expected a diffusers folder with the file {index}")
    if any(folder.rglob("*.bin")) and not any(folder.rglob("*.safetensors")):
        raise ModelSetError(f"model set '{name}': only pickled weights in {folder}; convert them to safetensors")

    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    import diffusers
    import torch
    from diffusers.utils import logging as diffusers_logging
    from safetensors import SafetensorError
    from transformers.utils import logging as transformers_logging

    diffusers_logging.set_verbosity_error()
    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.getLogger("transformers").setLevel(logging.ERROR)
    try:
        pipeline = diffusers.DiffusionPipeline.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, AttributeError, TypeError, KeyError, RuntimeError, SafetensorError) as reason:
        raise ModelSetError(f"model set '{name}': {folder} does not load: {reason}") from reason
    pipeline.to("cuda" if torch.cuda.is_available() else "cpu")
    twin_class = getattr(diffusers, type(pipeline).__name__.replace("Pipeline", "Img2ImgPipeline"), None)
    if twin_class is None:
        raise ModelSetError(f"model set '{name}': diffusers has no image-to-image twin of {type(pipeline).__name__}")
    if type(pipeline.vae).__name__ != "AutoencoderKL":
        raise ModelSetError(f"model set '{name}': expected an AutoencoderKL, found {type(pipeline.vae).__name__}")
    twin = twin_class.from_pipe(pipeline)
    for each in (pipeline, twin):
        each.set_progress_bar_config(disable=True)
    return ModelSet(name, pipeline, twin)
