"""Banks: what they hold is what the live stack gives, whole or not at all, and a run cannot tell the two apart."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mobaigc_sim.cell.cell import Cell
from mobaigc_sim.cli import app
from mobaigc_sim.errors import MobaigcError
from mobaigc_sim.experiment import bank_build
from mobaigc_sim.experiment.bank_build import build_bank
from mobaigc_sim.experiment.bank_command import COLUMNS, read_keeps, read_prompts, read_seeds, table
from mobaigc_sim.kernel.probes import Probes
from mobaigc_sim.media.bank import Bank, BankError, BankOffer, received_sets
from mobaigc_sim.media.bank_stack import BankStack, make_media
from mobaigc_sim.media.base import Delivery, Scored
from mobaigc_sim.media.bitstream import BaseLayerLost
from mobaigc_sim.media.config import MediaConfig
from mobaigc_sim.media.stack import MediaStack
from mobaigc_sim.scenario.load import load_scenario

QUICKSTART = Path(__file__).parents[2] / "scenarios" / "quickstart.yaml"
PROMPTS = ["a fox in a meadow", "a fox in a meadow at night"]
SEEDS = [3, 8]
KEEPS = [0.25, 0.5, 0.9]
QUICK: dict[str, Any] = {
    "generation": {"steps": 2},
    "recovery": {"steps": 2},
    "codec": {"kind": "webp", "quality": 80, "levels": [0.25, 0.5, 1.0]},
}
SCORES = ("s", "q", "jpsq", "ssim")


class Stopped(Exception):
    """Something ends a build."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_bank(
        tmp_path_factory.mktemp("banks") / "bank", MediaConfig.model_validate(QUICK), PROMPTS, SEEDS, KEEPS
    )


@pytest.fixture(scope="module")
def live(folder: Path) -> MediaStack:
    return MediaStack(MediaConfig.model_validate({**QUICK, "bank": str(folder)}))


def bank_stack(folder: Path, **changes: Any) -> BankStack:
    stack = make_media(MediaConfig.model_validate({**QUICK, "mode": "bank", "bank": str(folder), **changes}))
    assert isinstance(stack, BankStack)
    return stack


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def close(found: Any, expected: Any) -> None:
    for name in SCORES:
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-3)
    assert found.psnr_db == pytest.approx(expected.psnr_db, abs=0.02)
    assert found.inpainted == expected.inpainted


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.71, 1.0])
def test_both_modes_offer_the_same_and_score_every_subset_alike(folder: Path, live: MediaStack, keep: float) -> None:
    stored = bank_stack(folder)
    picture, twin = live.generate(PROMPTS[1:], SEEDS[:1])[0], stored.generate(PROMPTS[1:], SEEDS[:1])[0]
    assert live.offered_keep(keep) == stored.offered_keep(keep) == min(KEEPS, key=lambda k: abs(k - keep))
    real, stand_ins = live.offer(picture, keep), stored.offer(twin, keep)
    assert [len(p) for p in real] == [len(p) for p in stand_ins]
    assert len(picture.whole) == len(twin.whole)
    for received in received_sets(len(real)):
        arrived = [i for i in range(len(real)) if received >> i & 1]
        (expected,) = live.finish([Delivery(picture, [real[i] for i in arrived])])
        # the order of arrival does not matter
        (found,) = stored.finish([Delivery(twin, [stand_ins[i] for i in reversed(arrived)])])
        close(found, expected)


def test_both_modes_tell_schedulers_the_same(folder: Path, live: MediaStack) -> None:
    stored = bank_stack(folder)
    assert stored.keep_grid.tolist() == live.keep_grid.tolist() == KEEPS
    real, told = (m.content_curve(m.generate(PROMPTS[:1], SEEDS[:1])[0]) for m in (live, stored))
    for name, values in vars(real).items():
        assert getattr(told, name).tolist() == pytest.approx(values.tolist())


def test_whole_pictures_agree_too(folder: Path) -> None:
    stored = bank_stack(folder, semantic=False)
    live = MediaStack(MediaConfig.model_validate({**QUICK, "semantic": False}))
    outcomes = []
    for media in (live, stored):
        (picture,) = media.generate(PROMPTS[:1], SEEDS[1:])
        (packet,) = media.offer(picture, 0.3)
        assert packet == picture.whole
        outcomes += media.finish([Delivery(picture, [packet])])
    close(*outcomes)
    assert not outcomes[0].inpainted


def rows_of(folder: Path, mode: str, *changes: str) -> dict[str, list[dict[str, Any]]]:
    scenario = load_scenario(
        QUICKSTART,
        (
            "duration=3 s",
            "users.count=5",
            "traffic.arrivals.mean_interval=1500 ms",
            "traffic.images_per_request=2",
            "traffic.deadline=700 ms",
            f"traffic.prompts={{kind: list, prompts: {json.dumps(PROMPTS)}}}",
            "radio.harq.max_transmissions=1",
            "radio.tx_power=33 dBm",
            "seed=8",
            "service.rlc.mode=um",
            "media.keep=0.61",
            *(f"media.{key}={json.dumps(value)}" for key, value in QUICK.items()),
            f"media.mode={mode}",
            f"media.bank={folder}",
            *changes,
        ),
    )
    probes = Probes()
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name in ("requests", "slots", "transport_blocks", "users", "events", "images"):
        probes.subscribe(name, rows[name].append)  # type: ignore[arg-type]
    Cell(scenario, probes).run()
    return rows


def test_a_run_on_a_bank_and_a_live_run_of_the_same_requests_agree(folder: Path) -> None:
    live, stored = rows_of(folder, "live"), rows_of(folder, "bank")
    for name in ("slots", "transport_blocks", "users", "events"):
        assert repr(live[name]) == repr(stored[name])
    measured = {*SCORES, "psnr_db"}
    assert len(live["requests"]) > 5
    assert {"partial", "delivered"} <= {row["status"] for row in live["requests"]}
    assert {row["prompt"] for row in live["requests"]} == set(PROMPTS)
    for real, looked_up in zip(live["requests"], stored["requests"], strict=True):
        for column, value in real.items():
            expected = pytest.approx(value, abs=0.02 if column == "psnr_db" else 1e-3, nan_ok=True)
            assert looked_up[column] == (expected if column in measured else pytest.approx(value, abs=0, nan_ok=True))
    assert {row["keep"] for row in live["requests"]} <= {0.5, math.nan}
    assert live["images"]
    assert not stored["images"]


def test_a_run_on_a_bank_loads_no_model_library(folder: Path) -> None:
    code = f"""
import sys
from mobaigc_sim.media.bank_stack import make_media
from mobaigc_sim.media.base import Delivery
from mobaigc_sim.media.config import MediaConfig
media = make_media(MediaConfig.model_validate({{**{QUICK!r}, "mode": "bank", "bank": {str(folder)!r}}}))
media.check_prompts({PROMPTS!r})
(picture,) = media.generate({PROMPTS[:1]!r}, {SEEDS[:1]!r})
assert 0 < media.finish([Delivery(picture, media.offer(picture, 0.5))])[0].jpsq < 1
assert not {{"torch", "diffusers", "transformers", "open_clip", "pyiqa"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_jpsq_follows_the_scenarios_w(folder: Path) -> None:
    stored = bank_stack(folder, jpsq_weight=0.2)
    (picture,) = stored.generate(PROMPTS[:1], SEEDS[:1])
    (found,) = stored.finish([Delivery(picture, stored.offer(picture, 0.5)[:1])])
    assert found.jpsq == pytest.approx(0.2 * found.s + 0.8 * found.q)
    assert found.s != found.q


def test_without_the_base_nothing_is_shown(folder: Path) -> None:
    stored = bank_stack(folder)
    (picture,) = stored.generate(PROMPTS[:1], SEEDS[:1])
    with pytest.raises(BaseLayerLost):
        stored.finish([Delivery(picture, stored.offer(picture, 0.5)[1:])])


@given(packets=st.integers(1, 12), data=st.data())
def test_a_subset_counts_as_itself_or_as_its_longest_prefix(packets: int, data: st.DataObject) -> None:
    stored = received_sets(packets)
    assert len(set(stored)) == len(stored) == (2 ** (packets - 1) if packets <= 5 else packets)
    arrived = data.draw(st.sets(st.integers(1, packets - 1) if packets > 1 else st.nothing())) | {0}
    outcomes = {r: Scored(True, r / 2**12, 0.0, 0.0, 0.0, 0.0) for r in stored}
    offer = BankOffer(0.5, 0.5, (10,) * packets, outcomes)
    prefix = next(n for n in range(1, packets + 1) if n not in arrived)
    expected = arrived if packets <= 5 else set(range(prefix))
    assert offer.outcome(sum(1 << i for i in arrived)).s == sum(1 << i for i in expected) / 2**12


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"codec": {**QUICK["codec"], "quality": 71}}, r"media\.codec\.quality 80.*71"),
        ({"codec": {**QUICK["codec"], "levels": [1.0]}}, r"media\.codec\.levels .*0\.25, 0\.5, 1\.0.*1\.0"),
        ({"generation": {"steps": 3}}, r"media\.generation\.steps 2.*3"),
        ({"recovery": {"kind": "fill", "steps": 2}}, r"media\.recovery\.kind inpaint.*fill"),
        ({"codec": {"kind": "jpeg"}}, r"media\.codec\.kind webp.*jpeg"),
    ],
)
def test_other_media_settings_are_named(folder: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(BankError, match=said) as error:
        bank_stack(folder, **changes)
    assert "\n" not in str(error.value)


def test_other_models_are_named_and_absent_ones_are_not_missed(copy: Path, tmp_path: Path) -> None:
    assert bank_stack(copy, models=str(tmp_path / "nowhere")).held.keys() == set(PROMPTS)
    manifest = json.loads((copy / "manifest.json").read_text())
    name = "generator/unet/diffusion_pytorch_model.safetensors"
    manifest["models"][name] = "0" * 64
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BankError, match=f"another file {name}"):
        bank_stack(copy)


def _spoil(change: dict[str, Any] | None = None, **parts: Any) -> Any:
    def spoil(bank: Path) -> None:
        manifest = json.loads((bank / "manifest.json").read_text())
        (part,) = bank.glob("*.parquet")
        if "write" in parts:
            part.write_bytes(parts["write"](part.read_bytes()))
        if "rows" in parts:
            pq.write_table(parts["rows"](pq.read_table(part)), part)
        if parts.get("signed"):
            manifest["parts"][part.name] = hashlib.sha256(part.read_bytes()).hexdigest()
        if parts.get("remove"):
            part.unlink()
        (bank / "manifest.json").write_text(parts.get("text") or json.dumps({**manifest, **(change or {})}))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_spoil(text="{"), "manifest.json cannot be read"),
        (_spoil(text="[]"), "manifest.json cannot be read"),
        (_spoil(text='{"status": "complete", "format": 1}'), "lacks 'settings'"),
        (_spoil({"format": 99}), "format 99"),
        (_spoil({"status": "building"}), "not finished"),
        (_spoil(remove=True), "is missing"),
        (_spoil(write=lambda raw: raw[:-9]), "is not what manifest.json says"),
        (_spoil(write=lambda raw: raw[:-9], signed=True), "cannot be read"),
        (_spoil(rows=lambda t: t.drop_columns(["s"]), signed=True), "other columns"),
        (_spoil(rows=lambda t: t.slice(1), signed=True), "outcomes are missing"),
        (_spoil(rows=lambda t: t.slice(0, 20), signed=True), "outcomes are missing"),
    ],
)
def test_a_damaged_bank_is_one_clear_error(copy: Path, spoil: Any, said: str) -> None:
    spoil(copy)
    with pytest.raises(BankError, match=said) as error:
        bank_stack(copy)
    assert str(copy) in str(error.value)
    assert "\n" not in str(error.value)


def test_no_bank_at_all_is_told(tmp_path: Path) -> None:
    with pytest.raises(BankError, match="is no bank"):
        bank_stack(tmp_path / "nothing")
    with pytest.raises(ValueError, match="needs the folder of a bank"):
        MediaConfig(mode="bank")


def test_a_build_that_was_stopped_goes_on_and_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank_build, "PART_PICTURES", 1)
    build_bank(tmp_path / "unbroken", MediaConfig.model_validate(QUICK), PROMPTS, SEEDS, KEEPS)
    measure, measured = bank_build.measure, []

    def stopped(stack: Any, wishes: Any, keeps: Any) -> Any:
        if len(measured) == 2:
            raise Stopped
        measured.extend(wishes)
        return measure(stack, wishes, keeps)

    config = MediaConfig.model_validate(QUICK)
    out = tmp_path / "bank"
    monkeypatch.setattr(bank_build, "measure", stopped)
    with pytest.raises(Stopped):
        build_bank(out, config, PROMPTS, SEEDS, KEEPS)
    with pytest.raises(BankError, match="not finished"):
        Bank.open(out)
    with pytest.raises(BankError, match=r"differs in 'media\.codec\."):
        build_bank(out, MediaConfig.model_validate({**QUICK, "codec": {"quality": 61}}), PROMPTS, SEEDS, KEEPS)

    # the first part was damaged meanwhile: it is measured again, the second is not
    first = out / "outcomes-00000.parquet"
    first.write_bytes(first.read_bytes()[:200])
    again: list[Any] = []
    monkeypatch.setattr(bank_build, "measure", lambda s, w, k: again.extend(w) or measure(s, w, k))
    done: list[tuple[int, int]] = []
    build_bank(out, config, PROMPTS, SEEDS, KEEPS, lambda *told: done.append(told))
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert again == [(PROMPTS[0], 3), (PROMPTS[1], 3), (PROMPTS[1], 8)]
    whole, parts = Bank.open(tmp_path / "unbroken"), Bank.open(out)
    assert parts.held == whole.held
    for key, picture in whole.pictures.items():
        for expected, found in zip(picture.offers, parts.pictures[key].offers, strict=True):
            assert (found.keep, found.packet_bytes) == (expected.keep, expected.packet_bytes)
            for received, outcome in expected.outcomes.items():
                close(found.outcomes[received], outcome)


def test_a_finished_bank_is_left_alone_and_nothing_else_is_overwritten(folder: Path, tmp_path: Path) -> None:
    config = MediaConfig.model_validate(QUICK)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    build_bank(folder, config, PROMPTS, SEEDS, KEEPS)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    with pytest.raises(BankError, match="differs in 'keeps'"):
        build_bank(folder, config, PROMPTS, SEEDS, [0.5])
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(BankError, match="holds no bank"):
        build_bank(tmp_path, config, PROMPTS, SEEDS, KEEPS)


def test_a_second_build_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with bank_build._alone(tmp_path), pytest.raises(BankError, match="another build"):
        build_bank(tmp_path, MediaConfig.model_validate(QUICK), PROMPTS, SEEDS, KEEPS)


def test_columns_carry_their_units(folder: Path) -> None:
    (part,) = folder.glob("*.parquet")
    found = pq.read_schema(part)
    assert found.field("packet_bytes").type == pa.list_(pa.int32())
    assert found.field("psnr_db").metadata[b"unit"] == b"dB"
    assert all(field.metadata[b"description"] for field in found)


def test_the_shown_table_has_a_line_for_each_offer(folder: Path) -> None:
    bank = Bank.open(folder)
    lines = table(bank)
    assert [line[0] for line in lines] == ["whole", "0.25", "0.5", "0.9"]
    assert all(len(line) == len(COLUMNS) for line in lines)
    sizes = [sum(picture.offers[2].packet_bytes) for picture in bank.pictures.values()]
    assert float(lines[2][COLUMNS.index("bytes")]) == pytest.approx(sum(sizes) / len(sizes), abs=0.5)


def test_prompts_seeds_and_keeps_are_read_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("a fox\n\n  a car \n")
    assert read_prompts(str(tmp_path / "prompts.txt")) == ["a fox", "a car"]
    assert len(set(read_prompts("40"))) == 40
    assert read_seeds("0-3,10") == [0, 1, 2, 3, 10]
    assert read_keeps("0.2,1") == [0.2, 1.0]


@pytest.mark.parametrize("text", ["", "a", "3-1", "-1", "1-", "4294967296"])
def test_seeds_that_are_none_are_told(text: str) -> None:
    with pytest.raises(MobaigcError, match="--seeds"):
        read_seeds(text)


@pytest.mark.parametrize("keeps", [[], [0.0], [0.5, 1.2], [math.nan]])
def test_keeps_out_of_range_are_told(tmp_path: Path, keeps: list[float]) -> None:
    with pytest.raises(MobaigcError, match="keep ratios"):
        build_bank(tmp_path / "bank", MediaConfig.model_validate(QUICK), PROMPTS, SEEDS, keeps)
    assert not (tmp_path / "bank").exists()


def test_the_commands_show_a_bank_and_tell_bad_input_in_one_line(folder: Path, tmp_path: Path) -> None:
    def invoke(*args: str) -> Any:
        return CliRunner().invoke(app, ["bank", *args])

    shown = invoke("show", str(folder))
    assert shown.exit_code == 0
    assert "4 pictures of 2 prompts" in shown.stdout
    assert sum(line.split()[:1] == ["0.25"] for line in shown.stdout.splitlines()) == 1
    out = str(tmp_path / "out")
    for args in (
        ("show", str(tmp_path / "nothing")),
        ("build", out, "--seeds", "x"),
        ("build", out, "--prompts", "0"),
        ("build", out, "--prompts", str(tmp_path / "no file")),
        ("build", out, "--keeps", "half"),
        ("build", out, "--set", "media.codec.qualty=3"),
    ):
        failed = invoke(*args)
        assert (failed.exit_code, len(failed.stderr.splitlines())) == (2, 1)
    assert not (tmp_path / "out").exists()
