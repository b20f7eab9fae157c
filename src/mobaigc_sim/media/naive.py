"""The same work as it is written without this package: one call after another, one picture at a time.

A `from_pretrained` pipeline, an image-to-image pipeline made of it, Pillow, open_clip and pyiqa, each as its own
documentation shows it, in single precision and with the steps and strengths of a media configuration, so that both
sides do as many denoising steps. It shows the cost of the plain way and nothing else: without attention there is no
importance and there are no packets, so the whole picture is sent as a file and repainted as a whole, and the quality
network sees the picture once and not in windows.
"""

from __future__ import annotations

import io
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from .config import MediaConfig
from .model_set import locate, placement, read_index, variant_of
from .offline import no_fetching
from .pyiqa_networks import import_pyiqa
from .score_embedded import EMBEDDED, EmbeddedQuality


class NaivePipeline:
    """One request at a time through libraries called the plain way; the scorers are the shipped ones.

    Raises ModelSetError where the model set is not there.
    """

    def __init__(self, config: MediaConfig) -> None:
        self.config = config
        folder = locate(config.models)
        kind = read_index(config.models, folder)["_class_name"][1]
        import diffusers
        import torch

        options = {
            "local_files_only": True,
            "use_safetensors": True,
            "variant": variant_of(folder),
            "dtype": torch.float32,
        }
        self._text_to_image: Any = getattr(diffusers, kind).from_pretrained(folder, **options).to(placement()[0])
        again: Any = getattr(diffusers, kind.replace("Pipeline", "Img2ImgPipeline"))
        self._image_to_image: Any = again(**self._text_to_image.components, **self._options(again))
        for pipeline in (self._text_to_image, self._image_to_image):
            pipeline.set_progress_bar_config(disable=True)

    def generate(self, prompt: str, seed: int) -> Image.Image:
        """Draw a picture."""
        settings, pipeline = self.config.generation, self._text_to_image
        drawn: Image.Image = pipeline(
            prompt,
            num_inference_steps=settings.steps,
            guidance_scale=settings.guidance,
            generator=_generator(seed),
        ).images[0]
        return drawn

    def encode(self, picture: Image.Image) -> bytes:
        """The picture as an AVIF file."""
        file = io.BytesIO()
        picture.save(file, "AVIF", quality=self.config.codec.quality)  # type: ignore[attr-defined]
        return file.getvalue()

    def recover(self, file: bytes, prompt: str, seed: int) -> Image.Image:
        """Open the file and repaint the picture from image to image."""
        settings, pipeline = self.config.recovery, self._image_to_image
        shown: Image.Image = pipeline(
            prompt,
            image=Image.open(io.BytesIO(file)).convert("RGB"),
            strength=settings.strength,
            num_inference_steps=settings.steps,
            guidance_scale=settings.guidance,
            generator=_generator(seed),
        ).images[0]
        return shown

    def score(self, original: Image.Image, shown: Image.Image) -> tuple[float, float]:
        """Cosine of the two image embeddings, and the quality network's mark."""
        import torch

        model, preprocess = self._clip
        with torch.no_grad():
            a, b = (model.encode_image(preprocess(each).unsqueeze(0)) for each in (original, shown))
            cosine = float(torch.nn.functional.cosine_similarity(a, b))
            pixels = torch.from_numpy(np.array(shown)).permute(2, 0, 1).unsqueeze(0) / 255
            return cosine, float(self._quality(pixels))

    @cached_property
    def _clip(self) -> tuple[Any, Any]:
        import open_clip

        with no_fetching():
            model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{EMBEDDED / 'clip'}")
        return model.eval(), preprocess

    @cached_property
    def _quality(self) -> Any:
        from safetensors.torch import load_file

        metric = import_pyiqa().create_metric("cnniqa", pretrained=None, device="cpu")
        metric.net.load_state_dict(load_file(EmbeddedQuality().folder / "cnniqa.safetensors"))
        return metric.eval()

    def _options(self, kind: Any) -> dict[str, Any]:
        """The settings of the pipeline that are no parts, as far as another class takes them."""
        _, options = kind._get_signature_keys(kind)
        return {o: self._text_to_image.config[o] for o in options if o in self._text_to_image.config}


def _generator(seed: int) -> Any:
    import torch

    return torch.Generator("cpu").manual_seed(seed)
