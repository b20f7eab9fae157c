"""What is published is what is read: values, units, content hashes, images."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobaigc_sim.kernel.probes import Probes
from mobaigc_sim.results import TABLES, ResultsError, RunWriter, load
from mobaigc_sim.results.contenthash import ContentHasher, content_hash

SUFFIX_UNITS = {"_ns": "ns", "_bytes": "B", "_bits": "bit", "_db": "dB", "_m": "m", "_mps": "m/s"}


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_columns_say_what_they_are(table):
    for column in table.columns:
        assert column.description.endswith(".")
        for suffix, unit in SUFFIX_UNITS.items():
            if column.name.endswith(suffix):
                assert column.unit == unit, column.name


def test_units_and_descriptions_travel_in_the_file(tmp_path, info, publish):
    probes = Probes()
    with RunWriter(tmp_path / "run", probes, info):
        publish(probes, 3)
    schema = pq.read_schema(tmp_path / "run" / "transport_blocks-00000.parquet")
    assert schema.field("sinr_eff_db").metadata[b"unit"] == b"dB"
    assert schema.field("tb_size_bits").metadata[b"description"] == b"Transport block size."
    assert load(tmp_path / "run").arrow("users").schema.equals(TABLES["users"].schema(), check_metadata=True)


def test_roundtrip(tmp_path, info, publish):
    probes = Probes()
    with RunWriter(tmp_path / "run", probes, info, part_rows={"slots": 40}) as writer:
        publish(probes, 100)
        writer.close({"jpsq_mean": float("nan"), "user_throughput_bps": [1.0, float("inf")], "requests": 3})
    run = load(tmp_path / "run")
    assert sorted(p.name for p in run.folder.glob("slots*")) == [f"slots-0000{i}.parquet" for i in range(3)]
    i = np.arange(100)
    assert run.slots["bits_acked"].tolist() == (4 * i).tolist()
    assert run.events["detail"].tolist() == ["é" * (k % 4) for k in i]
    assert run.transport_blocks["ack"].tolist() == (i % 10 != 0).tolist()
    np.testing.assert_array_equal(run.transport_blocks["sinr_eff_db"], np.where(i % 7 == 0, np.nan, i / 3))
    assert run.users.empty and "gain_db" in run.users
    assert run.scenario == "name: test\n"
    assert run.summary == {"jpsq_mean": None, "user_throughput_bps": [1.0, None], "requests": 3}
    told = run.manifest
    assert (told["status"], told["seed"], told["replication"], told["scenario_hash"]) == ("complete", 1, 2, "abc")
    assert (told["warmup_ns"], told["duration_ns"], told["models"]) == (10**8, 10**9, {"unet": "00ff"})
    assert told["packages"]["pyarrow"] == pa.__version__ and told["wall_s"] >= 0
    assert told["tables"]["slots"]["rows"] == 100 and told["tables"]["slots"]["parts"] == 3
    log = [json.loads(line)["message"] for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert log == ["started", "complete"]
    run.verify()


def test_content_hash_does_not_depend_on_parts(tmp_path, info, publish):
    told = []
    for rows in (1, 7, 1000):
        probes = Probes()
        with RunWriter(tmp_path / str(rows), probes, info, part_rows=rows):
            publish(probes, 50)
        tables = load(tmp_path / str(rows)).manifest["tables"]
        told.append({name: facts["content_sha256"] for name, facts in tables.items()})
    assert told[0] == told[1] == told[2]
    assert len(set(told[0].values())) == len(TABLES)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(-5, 5), st.text(max_size=3), st.floats(), st.booleans()), min_size=1, max_size=12),
    st.lists(st.integers(0, 12), max_size=4),
)
def test_content_hash_of_any_cut(rows, cuts):
    schema = pa.schema([("i", pa.int32()), ("t", pa.string()), ("f", pa.float64()), ("b", pa.bool_())])
    columns = [pa.array([row[i] for row in rows], field.type) for i, field in enumerate(schema)]
    table = pa.Table.from_arrays(columns, schema=schema)
    hasher = ContentHasher(schema)
    bounds = sorted({0, len(rows), *(min(c, len(rows)) for c in cuts)})
    for start, stop in itertools.pairwise(bounds):
        hasher.update(table.slice(start, stop - start))
    assert hasher.hexdigest() == content_hash(table) == content_hash(table.replace_schema_metadata({"x": "y"}))


def test_content_hash_tells_tables_apart():
    def of(**columns):
        return content_hash(pa.table(columns))

    base = of(a=pa.array([1, 2]), t=pa.array(["ab", "c"]))
    assert base != of(a=pa.array([2, 1]), t=pa.array(["ab", "c"])), "row order"
    assert base != of(a=pa.array([1, 2]), t=pa.array(["a", "bc"])), "borders between texts"
    assert base != of(b=pa.array([1, 2]), t=pa.array(["ab", "c"])), "names"
    assert base != of(a=pa.array([1, 2], pa.int32()), t=pa.array(["ab", "c"])), "types"
    assert base != of(t=pa.array(["ab", "c"]), a=pa.array([1, 2])), "column order"
    other_nan = np.array([0x7FF8000000000001], np.uint64).view(np.float64)
    assert of(f=pa.array(other_nan)) == of(f=pa.array([float("nan")]))


def test_changed_content_is_noticed(tmp_path, info, publish):
    probes = Probes()
    with RunWriter(tmp_path / "run", probes, info):
        publish(probes, 5)
    path = tmp_path / "run" / "slots-00000.parquet"
    table = pq.read_table(path)
    pq.write_table(table.set_column(1, table.schema.field(1), pa.array([9] * 5, pa.int64())), path)
    with pytest.raises(ResultsError, match="content of slots"):
        load(tmp_path / "run").verify()
    pq.write_table(table.slice(0, 4), path)
    with pytest.raises(ResultsError, match="expected 1 parts with 5 rows of slots, found 1 with 4"):
        _ = load(tmp_path / "run").slots


def test_images(tmp_path, info):
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (16, 24, 3), np.uint8)
    received = np.dstack([picture, np.where(rng.random((16, 24)) < 0.4, 255, 0).astype(np.uint8)])
    record = {"index": 0, "original": picture, "importance": rng.random((16, 24)), "received": received}
    probes = Probes()
    with RunWriter(tmp_path / "run", probes, info, image_every=3):
        for request in (3, 4, 6):
            recovered = None if request == 6 else picture[::-1]
            words = {"fox": 0.75, "snow": 0.25}
            probes.publish("images", {**record, "request": request, "recovered": recovered, "words": words})
    run = load(tmp_path / "run")
    assert run.images == [(3, 0), (6, 0)]
    image = run.image(3)
    np.testing.assert_array_equal(image.original_HW3, picture)
    np.testing.assert_array_equal(image.received_HW4, received)
    np.testing.assert_array_equal(image.recovered_HW3, picture[::-1])
    np.testing.assert_allclose(image.importance_HW, record["importance"], atol=0.5 / 255 + 1e-9)
    assert image.words == {"fox": 0.75, "snow": 0.25}
    assert run.image(6).recovered_HW3 is None
    with pytest.raises(ResultsError, match="request 4 was not sampled"):
        run.image(4)


def test_nobody_listens_to_images_when_none_are_kept(tmp_path, info):
    probes = Probes()
    RunWriter(tmp_path / "run", probes, info, image_every=0)
    assert probes.wants("slots") and not probes.wants("images")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"importance": np.full((4, 4), 1.5)}, "values in \\[0, 1\\]"),
        ({"received": np.zeros((4, 4, 3), np.uint8)}, "`received` of shape \\(4, 4, 4\\)"),
        ({"original": np.zeros((4, 4, 3))}, "type uint8"),
    ],
)
def test_bad_images_are_refused(tmp_path, info, change, message):
    probes = Probes()
    RunWriter(tmp_path / "run", probes, info)
    picture = np.zeros((4, 4, 3), np.uint8)
    record = {
        "request": 0, "index": 0, "original": picture, "importance": np.zeros((4, 4)),
        "received": np.zeros((4, 4, 4), np.uint8), "recovered": picture,
    }  # fmt: skip
    with pytest.raises(ResultsError, match=message):
        probes.publish("images", {**record, **change})


def test_open_and_closed_paths(tmp_path: Path):
    with pytest.raises(ResultsError, match="no run here"):
        load(tmp_path)
