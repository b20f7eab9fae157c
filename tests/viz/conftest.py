"""A made-up run with plausible numbers and rendered scenes, written and read like a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from mobaigc_sim.kernel.probes import Probes
from mobaigc_sim.media.pack.drawing import render
from mobaigc_sim.media.pack.scenes import sample_spec
from mobaigc_sim.metrics import summarise
from mobaigc_sim.results import Run, RunInfo, RunWriter, load

S = 10**9
DURATION_S, WARMUP_S, PRBS, SLOT_NS = 20, 2, 51, 500_000


def picture_record(request: int, seed: int, keep: float, *, failed: bool = False) -> dict[str, Any]:
    """A scene, an attention that follows its objects, the kept patches, and a blurred stand-in for the painted rest."""
    rng = np.random.default_rng(seed)
    spec = sample_spec(rng)
    scene = render(spec, rng)
    maps = {name: gaussian_filter(mask.astype(float), 6) for name, mask in scene.masks.items()}
    maps[spec.place.name] = 0.25 * gaussian_filter(1.0 - sum(m for m in scene.masks.values()), 10) + 0.02
    maps["a"] = np.full(scene.image.shape[:2], 0.05)
    importance = np.clip(sum(maps.values()), 0, 1)
    patches = importance.reshape(16, 8, 16, 8).mean(axis=(1, 3))
    kept = patches >= np.quantile(patches, 1 - keep)
    mask = np.kron(kept, np.ones((8, 8))).astype(bool)
    received = np.dstack([scene.image, np.where(mask, 255, 0).astype(np.uint8)])
    smooth = np.stack([gaussian_filter(scene.image[..., c].astype(float), 5) for c in range(3)], -1)
    recovered = np.where(mask[..., None], scene.image, smooth + rng.normal(0, 4, smooth.shape)).clip(0, 255)
    words = {word: float(m.max()) for word, m in maps.items() if word != "a"}
    return {
        "request": request, "index": 0, "original": scene.image, "importance": importance, "received": received,
        "recovered": None if failed else recovered.astype(np.uint8), "words": words, "caption": spec.caption,
        "maps": maps,
    }  # fmt: skip


def request_record(i: int, rng: np.random.Generator, prompt: str) -> dict[str, Any]:
    arrival = int((i / 220) * 17.9 * S) + int(rng.integers(S // 50))
    deadline = arrival + 2 * S
    status = rng.choice(["delivered", "partial", "failed"], p=[0.84, 0.07, 0.09])
    cause = {"delivered": "", "partial": "deadline"}.get(status) or (
        rng.choice(["deadline", "harq", "generation"], p=[0.6, 0.25, 0.15]) if status == "failed" else "")  # fmt: skip
    took = int(min(1.99, 0.45 + rng.gamma(3.0, 0.18)) * S)
    finished = arrival + took if status == "delivered" else deadline
    nan, failed = float("nan"), status == "failed"
    whole = int(rng.normal(5200, 700))
    offered = 0 if cause == "generation" else int(whole * rng.uniform(0.42, 0.62))
    arrived = offered if status == "delivered" else int(offered * rng.uniform(0, 0.7))
    s, q = (nan, nan) if failed else (float(rng.beta(18, 2.5)), float(rng.beta(14, 4)))
    return {
        "request": i, "ue": i % 12, "prompt": prompt, "seed": i, "images": 1 + i % 3, "keep": 0.4,
        "arrival_ns": arrival, "generated_ns": -1 if cause == "generation" else arrival + S // 3,
        "first_byte_ns": -1 if cause == "generation" else arrival + S // 3 + 2 * SLOT_NS,
        "completed_ns": finished if status == "delivered" else -1, "finished_ns": finished, "deadline_ns": deadline,
        "status": str(status), "cause": str(cause), "offered_bytes": offered, "delivered_bytes": arrived,
        "dropped_bytes": offered - arrived, "whole_bytes": whole, "s": s, "q": q,
        "jpsq": 0.0 if failed else (s + q) / 2, "psnr_db": nan if failed else float(rng.normal(24, 2.5)),
        "ssim": nan if failed else float(rng.beta(12, 3)), "recover_ns": 0 if failed else S // 5,
    }  # fmt: skip


def write_run(folder: Path, seed: int = 1) -> Run:
    rng = np.random.default_rng(seed)
    probes = Probes()
    info = RunInfo("name: made-up\n", "abc", seed, 0, DURATION_S * S, WARMUP_S * S)
    with RunWriter(folder, probes, info, image_every=11) as writer:
        load_T = np.clip(0.62 + 0.25 * np.sin(np.arange(DURATION_S * 20) / 17), 0, 1)
        for slot in range(DURATION_S * 200):  # every tenth slot, to be quick
            used = int(rng.binomial(PRBS, load_T[slot // 10]))
            sent = used * int(rng.normal(420, 60))
            probes.publish("slots", {
                "slot": slot * 10, "time_ns": slot * 10 * SLOT_NS, "active_ues": 5, "prb_free": PRBS - used,
                "prb_used": used, "bits_sent": sent * 10, "bits_acked": int(sent * rng.uniform(0.84, 0.96)) * 10,
                "queued_bytes": 0,
            })  # fmt: skip
            lost = rng.random() < 0.1
            block = {
                "slot": slot * 10, "time_ns": slot * 10 * SLOT_NS, "ue": slot % 12, "cell": 0, "tb": slot,
                "harq_process": 0, "transmission": 1, "mcs_index": 12, "n_prb": used, "tb_size_bits": sent,
                "sinr_eff_db": 14.0, "bler": 0.1, "ack": not lost,
            }  # fmt: skip
            probes.publish("transport_blocks", block)
            if lost:
                again = {**block, "slot": slot * 10 + 8, "transmission": 2, "ack": rng.random() < 0.97}
                probes.publish("transport_blocks", again)
        for i in range(220):
            picture = picture_record(i, 100 + i, 0.4) if i % 11 == 0 else None
            record = request_record(i, rng, picture["caption"] if picture else "a fox on a meadow")
            if picture and record["cause"] != "generation":
                picture = {k: v for k, v in picture.items() if k not in ("caption", "maps")}
                failed = {"recovered": None} if record["status"] == "failed" else {}
                probes.publish("images", {**picture, **failed})
            probes.publish("requests", record)
        writer.flush()
        writer.close(summarise(load(folder, allow_incomplete=True)))
    return load(folder)


@pytest.fixture(scope="session")
def made_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run; tests may add figures to its folder, nothing else."""
    return write_run(tmp_path_factory.mktemp("runs") / "made")


@pytest.fixture(scope="session")
def picture() -> dict[str, Any]:
    """One image with its word maps."""
    return picture_record(0, 107, 0.38)
