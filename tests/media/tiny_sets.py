"""Random-weight model sets of the real diffusers classes, small enough to build, write and run in a second."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

MERGES = [("f", "o"), ("fo", "x</w>"), ("s", "n"), ("sn", "o"), ("c", "a"), ("ca", "s")]
SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}


def bpe_tokenizer() -> CLIPTokenizer:
    """CLIP's own byte-pair tokenizer class with a vocabulary of letters and six merges: "snow" is sno + w."""
    letters = string.ascii_lowercase + string.punctuation
    tokens = [*letters, *(c + "</w>" for c in letters), *(a + b for a, b in MERGES), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={t: i for i, t in enumerate(tokens)}, merges=MERGES, model_max_length=77)


def text_config(tokenizer: CLIPTokenizer, width: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        projection_dim=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def autoencoder(**settings: Any) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8,) * 4,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=4,
        **settings,
    )


def unet(cross_width: int, **settings: Any) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        cross_attention_dim=cross_width,
        **settings,
    )


def write_stable_diffusion(folder: Path) -> Path:
    """Parts, scheduler and tokenizer of Stable Diffusion 1.5, 64 px."""
    torch.manual_seed(1)
    tokenizer = bpe_tokenizer()
    StableDiffusionPipeline(
        vae=autoencoder(),
        text_encoder=CLIPTextModel(text_config(tokenizer, 16)),
        tokenizer=tokenizer,
        unet=unet(
            16,
            attention_head_dim=2,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        ),
        scheduler=PNDMScheduler(**SCHEDULE, skip_prk_steps=True),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def write_turbo(folder: Path) -> Path:
    """SD-Turbo's sampler, linear projections and a tiny autoencoder, 64 px."""
    torch.manual_seed(2)
    tokenizer = bpe_tokenizer()
    StableDiffusionPipeline(
        vae=AutoencoderTiny(
            encoder_block_out_channels=(8,) * 4,
            decoder_block_out_channels=(8,) * 4,
            num_encoder_blocks=(1,) * 4,
            num_decoder_blocks=(1,) * 4,
        ),
        text_encoder=CLIPTextModel(text_config(tokenizer, 16)),
        tokenizer=tokenizer,
        unet=unet(
            16,
            attention_head_dim=(2, 4),
            use_linear_projection=True,
            upcast_attention=True,
            down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        ),
        scheduler=EulerAncestralDiscreteScheduler(**SCHEDULE, timestep_spacing="trailing"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def write_stable_diffusion_xl(folder: Path) -> Path:
    """SDXL: two text encoders side by side, pooled embedding, time ids, an autoencoder that upcasts, 64 px."""
    torch.manual_seed(3)
    tokenizer = bpe_tokenizer()
    StableDiffusionXLPipeline(
        vae=autoencoder(force_upcast=True, scaling_factor=0.13025),
        text_encoder=CLIPTextModel(text_config(tokenizer, 12)),
        text_encoder_2=CLIPTextModelWithProjection(text_config(tokenizer, 20)),
        tokenizer=tokenizer,
        tokenizer_2=bpe_tokenizer(),
        unet=unet(
            32,
            attention_head_dim=(2, 4),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + 20,
            transformer_layers_per_block=(1, 2),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        ),
        scheduler=EulerDiscreteScheduler(**SCHEDULE),
    ).save_pretrained(folder)
    return folder


WRITERS = {"sd": write_stable_diffusion, "turbo": write_turbo, "sdxl": write_stable_diffusion_xl}
