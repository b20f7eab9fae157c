"""Random-weight scorers of the real architectures, written to files as their users would have them."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from mobaigc_sim.media.pyiqa_networks import _pkg_resources

VISION = {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8}
TEXT = {"context_length": 8, "vocab_size": 16, "width": 16, "heads": 2, "layers": 1}


def write_open_clip(folder: Path) -> Path:
    """An open_clip local folder whose model sees 32 px."""
    import open_clip

    folder.mkdir(parents=True)
    config = {"embed_dim": 16, "vision_cfg": VISION, "text_cfg": TEXT}
    torch.manual_seed(4)
    save_file(open_clip.CLIP(16, VISION, TEXT).state_dict(), folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    return folder


def write_clip(file: Path, vision_layers: int | tuple[int, ...]) -> Path:
    """The tensors of a small CLIP in OpenAI's layout; a tuple of layers makes a ResNet, a number a transformer."""
    with _pkg_resources():
        import clip.model

    torch.manual_seed(5)
    model = clip.model.CLIP(16, 32, vision_layers, 64, 8, 77, 49408, 64, 1, 1)
    save_file({name: value.clone() for name, value in model.state_dict().items()}, file)
    return file


def write_metric(file: Path, name: str, backbone: Path | None = None) -> Path:
    """Random tensors of a pyiqa metric."""
    import pyiqa
    from pyiqa.default_model_configs import DEFAULT_CONFIGS

    from mobaigc_sim.media.pyiqa_networks import _loading

    torch.manual_seed(6)
    kind = DEFAULT_CONFIGS[name]["metric_opts"]["type"]
    with _loading(kind, None if backbone is None else str(backbone), True):
        network = pyiqa.create_metric(name, pretrained=None, device=torch.device("cpu")).net
    save_file({key: value.clone().contiguous() for key, value in network.state_dict().items()}, file)
    return file


class _Perceptual(torch.nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return 1 - torch.nn.functional.cosine_similarity(a.mean((2, 3)), b.mean((2, 3)), dim=-1)


def dreamsim_package() -> types.ModuleType:
    """A package with DreamSim's interface: a distance of one minus the cosine, here of mean colours."""
    import torchvision.transforms as T

    def dreamsim(pretrained: bool, device: str, cache_dir: str, dreamsim_type: str) -> tuple[Any, Any]:
        if not (Path(cache_dir) / f"{dreamsim_type}.safetensors").is_file():
            torch.hub.download_url_to_file("https://example.org/weights.zip", cache_dir)
        to_tensor = T.Compose([T.Resize((32, 32)), T.ToTensor()])
        return _Perceptual().to(device), lambda image: to_tensor(image.convert("RGB")).unsqueeze(0)

    module = types.ModuleType("dreamsim")
    module.dreamsim = dreamsim  # type: ignore[attr-defined]
    return module


def install_dreamsim(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "dreamsim", dreamsim_package())
