"""Put the trained parts together as a standard StableDiffusionPipeline folder in half precision."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, StableDiffusionPipeline
from transformers import PreTrainedTokenizerFast

from .generator import TextToImage


def build_scheduler() -> DPMSolverMultistepScheduler:
    """Flow matching sampled by DPM-Solver++ (2M), trailing steps from pure noise."""
    return DPMSolverMultistepScheduler(
        num_train_timesteps=1000,
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=1.0,
        algorithm_type="dpmsolver++",
        solver_order=2,
        lower_order_final=True,
        steps_offset=1,
    )


def build_pipeline(
    vae: AutoencoderKL, model: TextToImage, tokenizer: PreTrainedTokenizerFast
) -> StableDiffusionPipeline:
    """The pipeline in memory; no safety checker, the world is closed."""
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=model.text_encoder,
        tokenizer=tokenizer,
        unet=model.unet,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def save(pipeline: StableDiffusionPipeline, folder: Path) -> None:
    """Write the folder that `DiffusionPipeline.from_pretrained` reads, weights as fp16 safetensors."""
    pipeline.to(torch.float16)
    pipeline.save_pretrained(folder, safe_serialization=True)
    pipeline.to(torch.float32)
