"""Model sets of the real Stable Diffusion and SDXL classes with random weights: load, draw, recover, run, tell."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, EulerDiscreteScheduler, HeunDiscreteScheduler
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from mobaigc_sim.cli import app
from mobaigc_sim.media import model_catalogue, model_set
from mobaigc_sim.media.attention import AttentionAccumulator, recording
from mobaigc_sim.media.autoencoder import decode_latents, encode_pictures, to_pictures
from mobaigc_sim.media.config import GenerationConfig, MediaConfig
from mobaigc_sim.media.generate import RefusedPictureError, generate
from mobaigc_sim.media.model_catalogue import list_sets, pull, show_set
from mobaigc_sim.media.model_files import generator_hashes
from mobaigc_sim.media.model_set import ModelSet, ModelSetError, load_model_set, locate
from mobaigc_sim.media.recover import RecoveryConfig, recover
from mobaigc_sim.results import load

QUICKSTART = Path(__file__).parents[2] / "scenarios" / "quickstart.yaml"
PROMPTS = ["a fox in the snow, a castle", "an apple"]
KINDS = ("sd", "turbo", "sdxl")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(params=KINDS)
def models(request: pytest.FixtureRequest, tiny_sets: dict[str, Path]) -> Iterator[ModelSet]:
    found = load_model_set(str(tiny_sets[request.param]))
    scheduler = found.text_to_image.scheduler
    yield found
    found.text_to_image.scheduler = found.image_to_image.scheduler = scheduler


def edited(folder: Path, to: Path, file: str, **changes: Any) -> Path:
    """A copy of a set with changed settings."""
    shutil.copytree(folder, to)
    settings = json.loads((to / file).read_text())
    (to / file).write_text(json.dumps(settings | changes))
    return to


@pytest.mark.parametrize("guidance", [0.0, 1.0, 3.0])
def test_maps_have_the_latent_grid_and_the_mass_of_the_steps(models: ModelSet, guidance: float) -> None:
    seen: list[torch.Tensor] = []
    handle = models.text_to_image.unet.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    drawn = generate(models, PROMPTS, [1, 2], steps=2, guidance=guidance)
    handle.remove()
    assert {len(x) for x in seen} == {4 if guidance > 1 else 2}
    for one, prompt in zip(drawn, PROMPTS, strict=True):
        assert one.image.shape == (*models.size_hw, 3) == (64, 64, 3)
        assert set(one.word_maps) == {word.strip(",") for word in prompt.split()}
        for found in one.word_maps.values():
            assert found.shape == models.latent_hw == (8, 8)
            assert found.min() > 0 and found.max() < len(seen) * 2
    total = np.sum(list(drawn[1].word_maps.values()), axis=0)
    assert (total < len(seen)).all()


@pytest.mark.parametrize("guidance", [0.0, 3.0])
def test_token_maps_are_the_softmax_of_the_pipelines_own_queries_and_keys(models: ModelSet, guidance: float) -> None:
    pipeline = models.text_to_image
    layers = {n: m for n, m in pipeline.unet.named_modules() if n.endswith("attn2")}
    asked: dict[str, list[torch.Tensor]] = {name: [] for name in layers}
    keys: dict[str, list[torch.Tensor]] = {name: [] for name in layers}
    hooks = [m.to_q.register_forward_hook(lambda _, __, o, n=n: asked[n].append(o)) for n, m in layers.items()]
    hooks += [m.to_k.register_forward_hook(lambda _, __, o, n=n: keys[n].append(o)) for n, m in layers.items()]
    accumulator = AttentionAccumulator(2, models.latent_hw)
    seeds = [torch.Generator().manual_seed(s) for s in (1, 2)]
    with torch.inference_mode(), recording(pipeline.unet, accumulator):
        pipeline(PROMPTS, num_inference_steps=2, guidance_scale=guidance, generator=seeds, output_type="latent")
    for hook in hooks:
        hook.remove()
    expected = []
    for name, layer in layers.items():
        total = 0.0
        for q, k in zip(asked[name], keys[name], strict=True):
            q, k = (x[-2:].double().unflatten(-1, (layer.heads, -1)).transpose(1, 2) for x in (q, k))
            total = total + (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1).mean(1)
        side = round(total.shape[1] ** 0.5)
        grid = total.transpose(1, 2).unflatten(2, (side, side))
        expected.append(torch.nn.functional.interpolate(grid, size=(8, 8), mode="bilinear"))
    found = accumulator.maps()
    assert found.shape == (2, 77, 8, 8)
    np.testing.assert_allclose(found.numpy(), torch.stack(expected).mean(0).numpy(), atol=1e-4)
    np.testing.assert_allclose(found.sum(1).numpy(), len(next(iter(asked.values()))), rtol=1e-4)


def test_sdxl_attends_to_the_states_of_both_text_encoders(tiny_sets: dict[str, Path]) -> None:
    models = load_model_set(str(tiny_sets["sdxl"]))
    pipeline = models.text_to_image
    words: list[torch.Tensor] = []
    extra: list[dict[str, torch.Tensor]] = []

    def look(_: Any, __: Any, named: dict[str, Any]) -> None:
        words.append(named["encoder_hidden_states"])
        extra.append(named["added_cond_kwargs"])

    handle = pipeline.unet.register_forward_pre_hook(look, with_kwargs=True)
    generate(models, PROMPTS, [1, 2], steps=1, guidance=0)
    handle.remove()
    widths = [pipeline.text_encoder.config.hidden_size, pipeline.text_encoder_2.config.hidden_size]
    assert words[0].shape == (2, 77, sum(widths))
    assert extra[0]["text_embeds"].shape == (2, widths[1])
    assert extra[0]["time_ids"].tolist() == [[64, 64, 0, 0, 64, 64]] * 2


def test_a_picture_depends_on_its_own_prompt_and_seed_only(models: ModelSet) -> None:
    pair = generate(models, PROMPTS, [1, 2], steps=2, guidance=2)
    (alone,) = generate(models, PROMPTS[1:], [2], steps=2, guidance=2)
    (other,) = generate(models, PROMPTS[1:], [3], steps=2, guidance=2)
    assert np.abs(pair[1].image.astype(int) - alone.image).max() <= 2
    np.testing.assert_allclose(pair[1].word_maps["apple"], alone.word_maps["apple"], atol=1e-4)
    assert np.abs(other.image.astype(int) - alone.image).mean() > 1


def test_a_small_batch_bounds_the_memory_and_not_the_result(models: ModelSet, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = generate(models, PROMPTS, [1, 2], steps=1, guidance=2)
    known = np.zeros((2, 64, 64), bool)
    config = RecoveryConfig(steps=2)
    recovered = recover(models, [o.image for o in whole], list(known), PROMPTS, [1, 2], config)
    monkeypatch.setattr(model_set, "_LATENTS_AT_ONCE", 64)
    assert models.batch == 1
    single = generate(models, PROMPTS, [1, 2], steps=1, guidance=2)
    one_by_one = recover(models, [o.image for o in whole], list(known), PROMPTS, [1, 2], config)
    for a, b in zip([*(o.image for o in whole), *recovered], [*(o.image for o in single), *one_by_one], strict=True):
        assert np.abs(a.astype(int) - b).max() <= 2


@pytest.mark.parametrize(
    ("scheduler", "guidance"),
    [
        (None, 0.0),
        (None, 2.0),
        (DPMSolverMultistepScheduler, 2.0),
        (EulerDiscreteScheduler, 0.0),
        (HeunDiscreteScheduler, 2.0),
    ],
)
def test_recovery_keeps_known_pixels_and_known_latents(models: ModelSet, scheduler: Any, guidance: float) -> None:
    if scheduler is not None:
        made = scheduler.from_config(models.text_to_image.scheduler.config)
        models.text_to_image.scheduler = models.image_to_image.scheduler = made
    drawn = generate(models, PROMPTS, [1, 2], steps=1, guidance=0)
    known = np.zeros((64, 64), bool)
    known[:, :32] = True
    received = [np.where(known[..., None], one.image, 128).astype(np.uint8) for one in drawn]
    kept = RecoveryConfig(steps=4, strength=0.75, guidance=guidance, known="kept")
    for out, sent in zip(recover(models, received, [known] * 2, PROMPTS, [1, 2], kept), received, strict=True):
        np.testing.assert_array_equal(out[known], sent[known])
        assert (out[~known] != 128).mean() > 0.5
    ends: list[torch.Tensor] = []
    decode = models.text_to_image.vae.decode
    models.text_to_image.vae.decode = lambda z, **options: (ends.append(z), decode(z, **options))[1]
    recover(models, received, [known] * 2, PROMPTS, [1, 2], kept)
    models.text_to_image.vae.decode = decode
    with torch.inference_mode():
        clean = encode_pictures(models, received) / models.text_to_image.vae.config.scaling_factor
    np.testing.assert_allclose(ends[0][..., :4].numpy(), clean[..., :4].numpy(), atol=1e-4)
    assert (ends[0][..., 4:] - clean[..., 4:]).abs().mean() > 0.01


def test_pictures_go_through_the_autoencoder_as_diffusers_sends_them(tiny_sets: dict[str, Path]) -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for kind in KINDS:
        models = load_model_set(str(tiny_sets[kind]))
        pipeline = models.text_to_image
        with torch.inference_mode():
            x = pipeline.image_processor.preprocess(picture[None].astype(np.float32) / 255)
            encoded = pipeline.vae.encode(x)
            latents = encoded.latents if kind == "turbo" else encoded.latent_dist.mode()
            expected = pipeline.image_processor.postprocess(pipeline.vae.decode(latents).sample, output_type="np")
            (found,) = to_pictures(decode_latents(models, encode_pictures(models, [picture])))
        assert np.abs(found.astype(int) - np.round(expected[0] * 255)).max() <= 1


def test_latents_with_a_mean_and_a_deviation_go_there_and_back(tiny_sets: dict[str, Path], tmp_path: Path) -> None:
    mean, std = [0.1, -0.2, 0.3, 0.4], [1.5, 0.5, 2.0, 1.0]
    changed = edited(tiny_sets["sdxl"], tmp_path / "set", "vae/config.json", latents_mean=mean, latents_std=std)
    plain, models = load_model_set(str(tiny_sets["sdxl"])), load_model_set(str(changed))
    picture = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    with torch.inference_mode():
        before, after = (encode_pictures(m, [picture]) / 0.13025 for m in (plain, models))
        for c in range(4):
            np.testing.assert_allclose(after[:, c], (before[:, c] - mean[c]) / std[c], atol=1e-4)
        back = [to_pictures(decode_latents(m, encode_pictures(m, [picture])))[0] for m in (plain, models)]
    assert np.abs(back[0].astype(int) - back[1]).max() <= 1


@pytest.mark.parametrize("kind", ["sd", "sdxl"])
def test_pictures_need_not_be_square(kind: str, tiny_sets: dict[str, Path], tmp_path: Path) -> None:
    folder = edited(tiny_sets[kind], tmp_path / "set", "unet/config.json", sample_size=[8, 12])
    models = load_model_set(str(folder))
    (drawn,) = generate(models, PROMPTS[:1], [1], steps=1, guidance=2)
    assert drawn.image.shape == (64, 96, 3)
    assert drawn.word_maps["fox"].shape == (8, 12)
    known = np.zeros((64, 96), bool)
    known[:, 48:] = True
    config = RecoveryConfig(steps=2, known="kept")
    (out,) = recover(models, [drawn.image], [known], PROMPTS[:1], [1], config)
    np.testing.assert_array_equal(out[known], drawn.image[known])
    assert "pictures 64 × 96 px, latents 8 × 12" in list(show_set(str(folder)))


def test_half_precision_keeps_the_autoencoder_whole(
    models: ModelSet, tiny_sets: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_set, "placement", lambda: ("cpu", torch.bfloat16))
    half = load_model_set.__wrapped__(models.name)
    assert (half.text_to_image.unet.dtype, half.text_to_image.vae.dtype) == (torch.bfloat16, torch.float32)
    (drawn,) = generate(half, PROMPTS[:1], [1], steps=1, guidance=2)
    assert drawn.word_maps["fox"].dtype == np.float32
    (whole,) = generate(models, PROMPTS[:1], [1], steps=1, guidance=2)
    np.testing.assert_allclose(drawn.word_maps["fox"], whole.word_maps["fox"], rtol=0.1)
    known = np.zeros((64, 64), bool)
    (out,) = recover(half, [drawn.image], [known], PROMPTS[:1], [1], RecoveryConfig(steps=2, guidance=0))
    assert out.shape == (64, 64, 3)


def test_a_picture_that_the_sets_own_safety_checker_refuses_is_an_error(tiny_sets: dict[str, Path]) -> None:
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    small = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    config = CLIPConfig(vision_config={**small, "image_size": 16, "patch_size": 8}, projection_dim=8)
    models = load_model_set.__wrapped__(str(tiny_sets["sd"]))
    pipeline = models.text_to_image
    pipeline.safety_checker = StableDiffusionSafetyChecker(config).eval()
    pipeline.feature_extractor = CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
    pipeline.safety_checker.concept_embeds_weights.data.fill_(2.0)
    assert len(generate(models, PROMPTS, [1, 2], steps=1, guidance=0)) == 2
    pipeline.safety_checker.concept_embeds_weights.data.fill_(-2.0)
    with pytest.raises(RefusedPictureError, match="refused the picture of 'an apple' with seed 2"):
        generate(models, PROMPTS[1:], [2], steps=1, guidance=0)


def test_guidance_of_turbo_models_is_a_valid_setting() -> None:
    assert GenerationConfig(guidance=0).guidance == RecoveryConfig(guidance=0).guidance == 0
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        GenerationConfig(guidance=-0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_one_image_goes_through_the_stack(kind: str, tiny_sets: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "image.png"
    media = ("models", str(tiny_sets[kind])), ("generation.steps", "1"), ("generation.guidance", "0")
    sets = [part for key, value in media for part in ("--set", f"media.{key}={value}")]
    result = CliRunner().invoke(app, ["image", PROMPTS[0], "--out", str(out), *sets, "--set", "media.recovery.steps=2"])
    assert result.exit_code == 0, result.stderr
    assert "JPSQ" in result.stdout
    assert out.stat().st_size > 0


@pytest.mark.parametrize("kind", ["sd", "sdxl"])
def test_a_short_run_serves_its_requests(kind: str, tiny_sets: dict[str, Path], tmp_path: Path) -> None:
    changes = {
        "duration": "2 s",
        "users.count": 3,
        "traffic.arrivals.mean_interval": "1 s",
        "traffic.images_per_request": 1,
        "traffic.prompts": f"{{kind: list, prompts: {json.dumps(PROMPTS)}}}",
        "media.models": tiny_sets[kind],
        "media.generation": "{steps: 1, guidance: 0}",
        "media.recovery": "{steps: 2, guidance: 0}",
    }
    sets = [part for key, value in changes.items() for part in ("--set", f"{key}={value}")]
    result = CliRunner().invoke(app, ["run", str(QUICKSTART), *sets, "--quiet", "--out", str(tmp_path / "run")])
    assert result.exit_code == 0, result.stderr
    run = load(tmp_path / "run")
    assert run.complete
    assert len(run.requests) >= 1
    assert run.requests["jpsq"].between(0, 1).all()
    assert set(generator_hashes(MediaConfig(models=str(tiny_sets[kind])))) <= set(run.manifest["models"])


def missing(folder: Path, file: str) -> Path:
    (folder / file).unlink()
    return folder / file


@pytest.mark.parametrize(
    "file",
    [
        "model_index.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "text_encoder_2/model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    ],
)
def test_a_missing_file_is_named(file: str, tiny_sets: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_sets["sdxl"], tmp_path / "set")
    gone = missing(folder, file)
    for act in (load_model_set, lambda name: list(show_set(name))):
        with pytest.raises(ModelSetError) as caught:
            act(str(folder))
        assert str(gone) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_pickled_weights_a_missing_shard_and_a_foreign_pipeline_are_refused(
    tiny_sets: dict[str, Path], tmp_path: Path
) -> None:
    pickled = shutil.copytree(tiny_sets["sd"], tmp_path / "pickled")
    weights = pickled / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(weights), weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(ModelSetError, match=r"only pickled weights are there: convert them"):
        load_model_set(str(pickled))
    sharded = shutil.copytree(tiny_sets["sd"], tmp_path / "sharded")
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (sharded / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    (sharded / "unet" / "one.safetensors").write_bytes(b"")
    with pytest.raises(ModelSetError, match=r"expected the file .*unet/two\.safetensors"):
        load_model_set(str(sharded))
    foreign = edited(tiny_sets["sd"], tmp_path / "foreign", "model_index.json", _class_name="StableDiffusion3Pipeline")
    with pytest.raises(ModelSetError, match="cannot use a pipeline 'StableDiffusion3Pipeline'; did you mean"):
        load_model_set(str(foreign))
    broken = shutil.copytree(tiny_sets["sd"], tmp_path / "broken")
    (broken / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"not tensors")
    with pytest.raises(ModelSetError, match="does not load"):
        load_model_set(str(broken))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hugging Face cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def snapshot(hub: Path, name: str, folder: Path) -> Path:
    """Put a folder into the cache as a download leaves it: links to blobs named by their SHA-256."""
    import hashlib

    store = hub / f"models--{name.replace('/', '--')}"
    there = store / "snapshots" / ("0" * 40)
    (store / "blobs").mkdir(parents=True)
    for file in (f for f in folder.rglob("*") if f.is_file()):
        blob = store / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.copy(file, blob)
        link = there / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    (store / "refs").mkdir()
    (store / "refs" / "main").write_text("0" * 40)
    return there


def test_a_set_in_the_hub_cache_is_used_without_a_network(tiny_sets: dict[str, Path], hub: Path) -> None:
    there = snapshot(hub, "stabilityai/sd-turbo", tiny_sets["turbo"])
    assert locate("hub:stabilityai/sd-turbo") == locate(f"hub:stabilityai/sd-turbo@{'0' * 40}") == there
    found = load_model_set.__wrapped__("hub:stabilityai/sd-turbo")
    (a,) = generate(found, PROMPTS[1:], [1], steps=1, guidance=0)
    (b,) = generate(load_model_set(str(tiny_sets["turbo"])), PROMPTS[1:], [1], steps=1, guidance=0)
    np.testing.assert_array_equal(a.image, b.image)
    by_name = generator_hashes(MediaConfig(models="hub:stabilityai/sd-turbo"))
    assert by_name == generator_hashes(MediaConfig(models=str(tiny_sets["turbo"])))
    listed = {line.split()[0]: line.split()[1:3] for line in list_sets()}
    assert listed["hub:stabilityai/sd-turbo"][0] == listed["embedded"][0] == "here"
    assert listed["hub:stabilityai/sdxl-turbo"] == ["not", "here"]


def test_a_half_precision_variant_is_taken_where_there_is_no_other(tiny_sets: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_sets["turbo"], tmp_path / "set")
    for file in folder.rglob("*.safetensors"):
        save_file({k: v.half() for k, v in load_file(file).items()}, file.with_suffix(".fp16.safetensors"))
        file.unlink()
    (drawn,) = generate(load_model_set(str(folder)), PROMPTS[1:], [1], steps=1, guidance=0)
    (whole,) = generate(load_model_set(str(tiny_sets["turbo"])), PROMPTS[1:], [1], steps=1, guidance=0)
    assert np.abs(drawn.image.astype(int) - whole.image).max() <= 8


@pytest.mark.parametrize("act", ["load", "show", "pull"])
def test_a_set_that_is_not_here_is_one_error_that_says_how_to_get_it(act: str, hub: Path) -> None:
    name = "hub:stabilityai/sd-turbo"
    with pytest.raises(ModelSetError) as caught:
        {"load": load_model_set, "show": lambda n: list(show_set(n)), "pull": pull}[act](name)
    told = str(caught.value)
    assert f"mobaigc-sim models pull {name}" in told
    assert str(hub / "models--stabilityai--sd-turbo") in told
    assert "\n" not in told
    assert act == "pull" or "expected the file model_index.json" in told


@pytest.mark.parametrize("name", ["hub:turbo", "hub:a/b/c", "hub:", "sd-turbo/../x", "hub:a/b c"])
def test_a_malformed_hub_name_is_refused(name: str, hub: Path) -> None:
    with pytest.raises(ModelSetError, match=r"expected hub:owner/name|expected a diffusers folder"):
        load_model_set(name)


def test_showing_a_set_counts_its_parameters(tiny_sets: dict[str, Path]) -> None:
    models = load_model_set(str(tiny_sets["sdxl"]))
    told = {line.split()[0]: line for line in show_set(str(tiny_sets["sdxl"]))}
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        module = getattr(models.text_to_image, part)
        count = sum(tensor.numel() for tensor in module.state_dict().values())
        assert f"{type(module).__name__}, {count / 1e6:.1f} M parameters" in told[part]


def test_the_commands_print_what_the_functions_tell(tiny_sets: dict[str, Path], hub: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["models", "list"]).stdout.splitlines() == list(list_sets())
    folder = str(tiny_sets["sd"])
    assert runner.invoke(app, ["models", "show", folder]).stdout.splitlines() == list(show_set(folder))
    failed = runner.invoke(app, ["models", "pull", model_catalogue.KNOWN[0].name])
    assert (failed.exit_code, failed.stdout) == (2, "")
    assert "cannot be fetched" in failed.stderr
    assert failed.stderr.count("\n") == 1
