"""Runs that are cut short, folders that are taken, records that do not fit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mobaigc_sim
from mobaigc_sim.kernel.probes import Probes
from mobaigc_sim.results import TABLES, ResultsError, RunInfo, RunWriter, load

KILLED_RUN = """
import os, signal, sys
import pyarrow.parquet as pq
from mobaigc_sim.kernel.probes import Probes
from mobaigc_sim.results import RunInfo, RunWriter

probes = Probes()
info = RunInfo(scenario_text="name: test", scenario_hash="abc", seed=1, replication=2, duration_ns=10**9)
writer = RunWriter(sys.argv[1], probes, info, part_rows=10)
write_table = pq.write_table

def write_half(table, path, **options):
    write_table(table, path, **options)
    if "slots-00002" in str(path):
        os.truncate(path, os.path.getsize(path) // 2)
        os.kill(os.getpid(), signal.SIGKILL)

pq.write_table = write_half
for i in range(100):
    probes.publish("slots", {"slot": i, "time_ns": i, "active_ues": 0, "prb_free": 0, "prb_used": 0, "bits_sent": 0,
                             "bits_acked": 0, "queued_bytes": 0})
"""


@pytest.fixture
def killed(tmp_path):
    """A run killed while it wrote its third part."""
    folder = tmp_path / "killed"
    env = {**os.environ, "PYTHONPATH": str(Path(mobaigc_sim.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", KILLED_RUN, str(folder)], capture_output=True, text=True, env=env)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return folder


def test_killed_run(killed):
    assert json.loads((killed / "manifest.json").read_text())["status"] == "running"
    assert (killed / ".slots-00002.parquet.tmp").exists() and not (killed / "slots-00002.parquet").exists()
    with pytest.raises(ResultsError, match=r"incomplete .*allow_incomplete=True"):
        load(killed)
    run = load(killed, allow_incomplete=True)
    assert not run.complete
    assert run.slots["slot"].tolist() == list(range(20))
    with pytest.raises(ResultsError, match="no content hashes"):
        run.verify()


def test_killed_run_is_started_afresh(killed, info, publish):
    probes = Probes()
    with RunWriter(killed, probes, info, part_rows=1000):
        publish(probes, 5)
    run = load(killed)
    assert run.slots["slot"].tolist() == list(range(5))
    assert not list(killed.glob("*.tmp")) and not list(killed.glob(".*"))
    run.verify()


@pytest.mark.parametrize("change", [{"scenario_hash": "abd"}, {"seed": 9}, {"replication": 0}])
def test_killed_run_of_something_else_is_kept(killed, change):
    identity = {"scenario_hash": "abc", "seed": 1, "replication": 2, **change}
    with pytest.raises(ResultsError, match="another scenario, seed or replication"):
        RunWriter(killed, Probes(), RunInfo(scenario_text="", duration_ns=1, **identity))
    assert len(load(killed, allow_incomplete=True).slots) == 20


def test_taken_folders(tmp_path, info):
    with RunWriter(tmp_path / "run", Probes(), info):
        pass
    with pytest.raises(ResultsError, match="holds a complete run"):
        RunWriter(tmp_path / "run", Probes(), info)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(ResultsError, match="is not empty and holds no run"):
        RunWriter(tmp_path / "mine", Probes(), info)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "x"


def test_error_inside_a_run_leaves_an_incomplete_run_with_its_rows(tmp_path, info, publish):
    probes = Probes()
    with pytest.raises(KeyboardInterrupt), RunWriter(tmp_path / "run", probes, info):
        publish(probes, 4)
        raise KeyboardInterrupt
    with pytest.raises(ResultsError, match="status 'interrupted'"):
        load(tmp_path / "run")
    assert len(load(tmp_path / "run", allow_incomplete=True).slots) == 4
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["message"] for line in log] == ["started", "error", "interrupted"]
    assert log[1]["kind"] == "KeyboardInterrupt"


def test_a_run_can_be_read_before_it_is_closed(tmp_path, info, publish):
    probes = Probes()
    writer = RunWriter(tmp_path / "run", probes, info)
    publish(probes, 4)
    assert load(tmp_path / "run", allow_incomplete=True).slots.empty
    writer.flush()
    assert len(load(tmp_path / "run", allow_incomplete=True).slots) == 4
    writer.close()
    with pytest.raises(ResultsError, match="after the run was closed"):
        publish(probes, 1)


def test_records_that_do_not_fit(tmp_path, info):
    probes = Probes()
    writer = RunWriter(tmp_path / "run", probes, info, part_rows=1)
    event = {"time_ns": 0, "kind": "x", "ue": 0, "request": 0, "detail": ""}
    with pytest.raises(ResultsError, match="events: a record lacks detail and has the unknown column 'detial'"):
        probes.publish("events", {**{k: v for k, v in event.items() if k != "detail"}, "detial": ""})
    probes.publish("events", {**event, "ue": np.int64(3)})
    for attempt in (lambda: probes.publish("events", {**event, "ue": 1.5}), writer.close):
        with pytest.raises(ResultsError, match=r"events\.ue: expected values of type int64, got for example 1\.5"):
            attempt()
    assert not load(writer.folder, allow_incomplete=True).complete


def test_a_record_that_does_not_fit_ends_the_run_but_keeps_the_rest(tmp_path, info, publish):
    probes = Probes()
    with pytest.raises(ResultsError, match=r"events\.ue"), RunWriter(tmp_path / "run", probes, info):
        publish(probes, 4)
        probes.publish("events", {"time_ns": 0, "kind": "x", "ue": 0.5, "request": 0, "detail": ""})
    assert load(tmp_path / "run", allow_incomplete=True).slots["slot"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("value", [None, "handed over"])
def test_values_that_do_not_fit(tmp_path, info, value):
    probes = Probes()
    RunWriter(tmp_path / "run", probes, info, part_rows=1)
    request = {column.name: 0 for column in TABLES["requests"].columns}
    with pytest.raises(ResultsError, match=r"requests\.status: (a value is missing|expected one of)"):
        probes.publish("requests", {**request, "prompt": "", "cause": "", "status": value})


def test_window_must_make_sense():
    with pytest.raises(ResultsError, match="warmup < duration"):
        RunInfo(scenario_text="", scenario_hash="", seed=0, replication=0, duration_ns=5, warmup_ns=5)


def test_a_damaged_manifest_is_one_error(tmp_path):
    (tmp_path / "manifest.json").write_text("{half a mani")
    with pytest.raises(ResultsError, match=r"manifest\.json: expected JSON"):
        load(tmp_path)
