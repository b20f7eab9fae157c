"""The word tokenizer where it is used: alone, in a Stable Diffusion pipeline, in CLIP's text models, in open_clip."""

from __future__ import annotations

import numpy as np
import open_clip
import pytest
import torch
from transformers import AutoTokenizer, CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerFast

from mobaigc_sim.media.pack.scenes import sample_spec
from mobaigc_sim.media.pack.train.tokenizer import CONTEXT_TOKENS, EOS, PAD, UNK, build_tokenizer, vocabulary_ids
from mobaigc_sim.media.pack.vocabulary import words
from mobaigc_sim.media.score import EMBEDDED


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


def call(tokenizer, prompt):
    limit = tokenizer.model_max_length
    return tokenizer(prompt, padding="max_length", max_length=limit, truncation=True, return_tensors="pt")


def text_model(tokenizer):
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=CONTEXT_TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config).eval()


def test_words_go_to_ids_and_back(tokenizer):
    rng = np.random.default_rng(0)
    for _ in range(50):
        caption = sample_spec(rng).caption
        ids = tokenizer(caption).input_ids
        assert len(ids) == len(caption.split()) + 2
        assert tokenizer.decode(ids, skip_special_tokens=True) == caption
        assert vocabulary_ids()[UNK] not in ids


def test_every_word_has_its_own_id_and_case_does_not_matter(tokenizer):
    ids = tokenizer(" ".join(words()), add_special_tokens=False).input_ids
    assert len(set(ids)) == len(words()) == len(tokenizer) - 4
    assert tokenizer("A FOX in a Meadow").input_ids == tokenizer("a fox in a meadow").input_ids
    assert tokenizer("a zebra").input_ids[2] == vocabulary_ids()[UNK]


def test_padded_batches_have_the_fixed_length(tokenizer):
    found = call(tokenizer, ["", "a fox in a meadow", "fox " * 40])
    assert found.input_ids.shape == (3, CONTEXT_TOKENS)
    assert found.attention_mask.sum(1).tolist() == [2, 7, CONTEXT_TOKENS]
    assert found.input_ids[2, -1] == tokenizer.eos_token_id == max(vocabulary_ids().values())
    assert (found.input_ids[1, 7:] == vocabulary_ids()[PAD]).all()


def test_captions_lose_no_word(tokenizer):
    rng = np.random.default_rng(1)
    for _ in range(1000):
        caption = sample_spec(rng).caption
        assert tokenizer.decode(call(tokenizer, caption).input_ids[0], skip_special_tokens=True) == caption


@pytest.mark.parametrize("loader", [PreTrainedTokenizerFast, AutoTokenizer])
def test_saved_files_load_to_the_same_tokenizer(tokenizer, tmp_path, loader):
    tokenizer.save_pretrained(tmp_path)
    again = loader.from_pretrained(tmp_path, local_files_only=True)
    prompt = "a pine tree and a fox at night"
    assert torch.equal(call(again, prompt).input_ids, call(tokenizer, prompt).input_ids)
    assert again.eos_token_id == tokenizer.eos_token_id and again.model_max_length == CONTEXT_TOKENS


def test_clip_text_model_pools_at_the_end_token(tokenizer):
    found = call(tokenizer, ["a fox", "a castle in the desert at sunset"])
    with torch.no_grad():
        out = text_model(tokenizer)(found.input_ids)
    end = (found.input_ids == vocabulary_ids()[EOS]).int().argmax(1)
    assert end.tolist() == [3, 8]
    assert torch.allclose(out.pooler_output, out.last_hidden_state[torch.arange(2), end])


def test_a_stable_diffusion_pipeline_encodes_prompts_with_it(tokenizer):
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

    unet = UNet2DConditionModel(
        sample_size=4,
        block_out_channels=(8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        cross_attention_dim=32,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL(block_out_channels=(8,), norm_num_groups=4),
        text_encoder=text_model(tokenizer),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    said, unsaid = pipeline.encode_prompt(["a fox in a meadow", "a cake"], torch.device("cpu"), 1, True)
    assert said.shape == unsaid.shape == (2, CONTEXT_TOKENS, 32)
    assert not torch.allclose(said[0], said[1]) and torch.allclose(unsaid[0], unsaid[1])


def test_open_clip_reads_it_from_the_shipped_folder(tokenizer):
    shipped = open_clip.get_tokenizer(f"local-dir:{EMBEDDED / 'clip'}")
    prompts = ["a fox in a meadow", "a cake"]
    assert torch.equal(shipped(prompts), call(tokenizer, prompts).input_ids)
