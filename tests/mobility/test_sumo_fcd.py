"""Floating car data of SUMO: the example of its documentation (page TabularOutputs), presence, and errors."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mobaigc_sim.mobility import Area, OriginConfig, SumoFcd, SumoFcdConfig, TraceError

S = 10**9
JUNCTION = Path(__file__).parents[2] / "scenarios" / "traces" / "junction.fcd.xml"

XML = """<?xml version="1.0" encoding="UTF-8"?>
<fcd-export xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:noNamespaceSchemaLocation="http://sumo.dlr.de/xsd/fcd_file.xsd">
    <timestep time="99.00"/>
    <timestep time="100.00">
        <vehicle id="always_left.0" x="5.10" y="498.35" angle="90.00" type="DEFAULT_VEHTYPE" speed="0.00" pos="5.10" \
lane="1fi_0" slope="0.00"/>
        <vehicle id="always_right.0" x="501.65" y="5.10" angle="0.00" type="DEFAULT_VEHTYPE" speed="0.00" pos="5.10" \
lane="3fi_0" slope="0.00"/>
    </timestep>
    <timestep time="101.00">
        <vehicle id="always_left.0" x="7.02" y="498.35" angle="90.00" type="DEFAULT_VEHTYPE" speed="1.92" pos="7.02" \
lane="1fi_0" slope="0.00"/>
        <vehicle id="always_right.0" x="501.65" y="7.46" angle="0.00" type="DEFAULT_VEHTYPE" speed="2.36" pos="7.46" \
lane="3fi_0" slope="0.00"/>
    </timestep>
    <timestep time="102.00">
        <vehicle id="always_left.0" x="10.66" y="498.35" angle="90.00" type="DEFAULT_VEHTYPE" speed="3.64" pos="10.66" \
lane="1fi_0" slope="0.00"/>
        <vehicle id="always_right.0" x="501.65" y="11.19" angle="0.00" type="DEFAULT_VEHTYPE" speed="3.72" pos="11.19" \
lane="3fi_0" slope="0.00"/>
    </timestep>
</fcd-export>
"""
CSV = """timestep_time;vehicle_id;vehicle_x;vehicle_y;vehicle_angle;vehicle_type;vehicle_speed;vehicle_pos;vehicle_lane
100.00;always_left.0;5.10;498.35;90.00;DEFAULT_VEHTYPE;0.00;5.10;1fi_0
100.00;always_right.0;501.65;5.10;0.00;DEFAULT_VEHTYPE;0.00;5.10;3fi_0
101.00;always_left.0;7.02;498.35;90.00;DEFAULT_VEHTYPE;1.92;7.02;1fi_0
101.00;always_right.0;501.65;7.46;0.00;DEFAULT_VEHTYPE;2.36;7.46;3fi_0
102.00;always_left.0;10.66;498.35;90.00;DEFAULT_VEHTYPE;3.64;10.66;1fi_0
102.00;always_right.0;501.65;11.19;0.00;DEFAULT_VEHTYPE;3.72;11.19;3fi_0
"""


def follow(path: Path, n_ue: int = 2, **keys: object) -> SumoFcd:
    config = SumoFcdConfig.model_validate({"file": str(path), **keys})
    return SumoFcd(config, n_ue, Area(10.0), np.random.default_rng(0))


def written(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def steps(*rows: str) -> str:
    inner = "\n".join(f'<timestep time="{t}.00">{row}</timestep>' for t, row in enumerate(rows))
    return f"<fcd-export>\n{inner}\n</fcd-export>"


def table(tmp_path: Path) -> Path:
    path = tmp_path / "fcd.parquet"
    pd.read_csv(written(tmp_path, "same.csv", CSV), sep=";").to_parquet(path)
    return path


@pytest.mark.parametrize("name", ["fcd.xml", "fcd.xml.gz", "fcd.csv", "fcd.csv.gz", "plain.csv", "fcd.parquet"])
def test_the_documented_example_drives_users(tmp_path: Path, name: str) -> None:
    plain = CSV.replace("timestep_", "").replace("vehicle_", "").replace(";", ",")
    text = XML if ".xml" in name else plain if name == "plain.csv" else CSV
    path = table(tmp_path) if name == "fcd.parquet" else written(tmp_path, name, text)
    model = follow(path, start="100 s")
    assert model.ids == ("always_left.0", "always_right.0")
    for now_ns, left_x_m, right_y_m, speeds_mps in [
        (0, 5.10, 5.10, (1.92, 2.36)),
        (S // 4, 5.58, 5.69, (1.92, 2.36)),
        (S, 7.02, 7.46, (3.64, 3.73)),
        (3 * S // 2, 8.84, 9.325, (3.64, 3.73)),
        (2 * S, 10.66, 11.19, (0.0, 0.0)),
        (9 * S, 10.66, 11.19, (0.0, 0.0)),
    ]:
        now = model.advance(now_ns)
        np.testing.assert_allclose(now.position_m_U2, [[left_x_m, 498.35], [501.65, right_y_m]], rtol=1e-13)
        np.testing.assert_allclose(np.abs(now.velocity_mps_U2).sum(axis=1), speeds_mps, atol=1e-12)
        assert now.present_U.tolist() == [now_ns <= 2 * S] * 2
    np.testing.assert_allclose(now.travelled_m_U, [5.56, 6.09])


def test_a_sample_is_met_exactly() -> None:
    model = follow(JUNCTION, n_ue=34)
    rows = [line.split('"') for line in JUNCTION.read_text(encoding="utf-8").splitlines()]
    now = model.advance(0)
    seen = set()
    for row in rows:
        if "timestep time=" in row[0]:
            now = model.advance(round(float(row[1]) * S))
        elif "vehicle id=" in row[0]:
            u = model.ids.index(row[1])
            assert now.present_U[u]
            assert now.position_m_U2[u].tolist() == [float(row[3]), float(row[5])]
            seen.add(u)
    assert len(seen) == 34


def test_users_appear_and_leave(tmp_path: Path) -> None:
    a, b = '<vehicle id="a" x="{}" y="0"/>', '<vehicle id="b" x="{}" y="1"/>'
    here = [b.format(0), b.format(1), a.format(5) + b.format(2), a.format(6), "", "", "", a.format(2), a.format(0)]
    model = follow(written(tmp_path, "fcd.xml", steps(*here)), max_gap="3.9 s")
    assert model.ids == ("b", "a")
    assert model.presence_ns(0) == ((0, 2 * S + 1),)
    assert model.presence_ns(1) == ((2 * S, 3 * S + 1), (7 * S, 8 * S + 1))
    walk = [model.advance(t * S // 2) for t in range(19)]
    x_m_T = [float(k.position_m_U2[1, 0]) for k in walk]
    assert x_m_T == [5, 5, 5, 5, 5, 5.5, 6, 6, 6, 6, 6, 6, 6, 6, 2, 1, 0, 0, 0]
    assert [bool(k.present_U[1]) for k in walk] == [4 <= t <= 6 or 14 <= t <= 16 for t in range(19)]
    assert [float(k.travelled_m_U[1]) for k in walk][6:] == [1.0] * 9 + [2.0, 3.0, 3.0, 3.0]


def test_a_gap_as_long_as_the_limit_is_bridged(tmp_path: Path) -> None:
    path = written(tmp_path, "fcd.xml", steps('<vehicle id="a" x="0" y="0"/>', "", "", '<vehicle id="a" x="6" y="0"/>'))
    model = follow(path, n_ue=1, max_gap="3 s")
    assert model.presence_ns(0) == ((0, 3 * S + 1),)
    assert model.advance(S).position_m_U2.tolist() == [[2.0, 0.0]]


def test_users_gone_before_time_zero_do_not_count(tmp_path: Path) -> None:
    rows = ['<vehicle id="a" x="0" y="0"/>', '<vehicle id="b" x="1" y="0"/>', '<vehicle id="b" x="3" y="0"/>']
    path = written(tmp_path, "fcd.xml", steps(*rows))
    model = follow(path, n_ue=1, start="1.5 s", origin_m={"x": -10, "y": 0.5})
    start = model.advance(0)
    assert (model.ids, start.position_m_U2.tolist(), start.travelled_m_U[0]) == (("b",), [[12.0, -0.5]], 0.0)
    with pytest.raises(
        TraceError,
        match=r"fcd\.xml: expected at least the 2 users of users\.count and .* together, but .* has 1 from 1\.5",
    ):
        follow(path, start="1.5 s")


@pytest.mark.parametrize(("who", "ids"), [("vehicles", ("1",)), ("persons", ("person 1",)), ("all", ("1", "person 1"))])
@pytest.mark.parametrize("name", ["fcd.xml", "fcd.csv"])
def test_vehicles_and_persons_have_names_of_their_own(
    tmp_path: Path, who: str, ids: tuple[str, ...], name: str
) -> None:
    row = '<vehicle id="1" x="0" y="0"/><person id="1" x="1" y="0"/><container id="1" x="2" y="0"/>'
    csv = (
        "timestep_time;vehicle_id;vehicle_x;vehicle_y;person_id;person_x;person_y;container_id\n"
        "0;1;0;0;;;;\n0;;;;1;1;0;\n0;;;;;;;1\n1;1;0;0;;;;\n1;;;;1;1;0;\n"
    )
    path = written(tmp_path, name, steps(row, row) if name == "fcd.xml" else csv)
    assert follow(path, n_ue=len(ids), who=who).ids == ids


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (steps("", '<vehicle id="a" x="1"/>'), r":3: expected a number for the attribute y of <vehicle>, got nothing"),
        (steps("", '<vehicle id="a" x="1" y="inf"/>'), r":3: expected a number .* y of <vehicle>, got 'inf'"),
        (steps("", '<vehicle x="1" y="1"/>'), r":3: expected an attribute id of <vehicle>, got nothing"),
        (steps("", '<vehicle id="a" x="1" y="1"></timestep>'), r":3: expected well-formed XML: mismatched tag"),
        ('<fcd-export>\n<timestep time="00:01"/></fcd-export>', r":2: expected a number for the attribute time"),
        ('<fcd-export>\n<timestep time="2"/>\n<timestep time="2"/></fcd-export>', r":3: expected a timestep after 2 s"),
        ("<routes>\n</routes>", r":1: expected the element <fcd-export> of SUMO's floating car data, got <routes>"),
        ("", r":1: expected well-formed XML: no element found"),
    ],
)
def test_malformed_xml(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TraceError, match=rf"fcd\.xml{message}"):
        follow(written(tmp_path, "fcd.xml", text))


def test_document_types_are_refused_before_an_entity_grows(tmp_path: Path) -> None:
    lols = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    text = f'<!DOCTYPE fcd-export [<!ENTITY l0 "lol">{lols}]>\n<fcd-export>&l9;</fcd-export>'
    with pytest.raises(TraceError, match=r"fcd\.xml:1: expected XML without a document type or entities"):
        follow(written(tmp_path, "fcd.xml", text))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("fcd.csv", b"time;name;x;y\n", r":1: expected columns timestep_time and vehicle_id, .*; got time, name, x, y"),
        ("fcd.csv", b"", r":1: expected columns timestep_time .* got nothing"),
        ("fcd.csv", b"time;id;x;y\n0;a;1\n", r":2: expected 4 values, got 3"),
        ("fcd.csv", b"time;id;x;y\n0;a;1;\n", r":2: expected a number for y, got nothing"),
        ("fcd.csv", b"time;id;x;y\n0;;1;1\n", r":2: expected a name of a vehicle, got nothing"),
        ("fcd.csv", b"time;id;x;y\n1;a;1;1\n1;a;1;1\n", r":3: expected a time after 1 s for 'a', got 1 s"),
        ("fcd.csv", b"time;id;x;y\n0;\xff;1;1\n", r":2: expected text in UTF-8"),
        ("fcd.parquet", b"PAR0", r": expected a Parquet file: "),
        ("fcd.xml.gz", gzip.compress(XML.encode())[:-20], r": expected a whole gzip file: "),
    ],
)
def test_malformed_tables_and_archives(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(TraceError, match=rf"{name}{message}"):
        follow(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"none\.xml: expected a trace file: No such file"):
        follow(tmp_path / "none.xml")


def test_cars_at_the_junction_keep_apart_queue_and_cross() -> None:
    model = follow(JUNCTION, n_ue=34, origin_m=OriginConfig(x=200, y=200))
    waited_s_U, least_m, entered_U = np.zeros(34), np.inf, np.zeros(34, bool)
    for t in range(120):
        now = model.advance(t * S // 2)
        here = np.flatnonzero(now.present_U)
        place_m_U2 = now.position_m_U2[here]
        between_m = np.hypot(*(place_m_U2[:, None] - place_m_U2).T) + 99 * np.eye(len(here))
        least_m = min(least_m, between_m.min(initial=np.inf))
        speed_mps_U = np.hypot(*now.velocity_mps_U2[here].T)
        assert (speed_mps_U < 15).all()
        waited_s_U[here] += 0.5 * (speed_mps_U < 0.2)
        entered_U[here] |= np.abs(place_m_U2).max(axis=1) < 10
    assert least_m >= 3.5  # two lanes of opposite directions
    assert (waited_s_U > 3).sum() >= 10
    assert entered_U.sum() >= 15
    ends_s = [model.presence_ns(u)[-1][1] / S for u in range(34)]
    assert sum(end < 60 for end in ends_s) >= 10
    assert JUNCTION.stat().st_size < 300_000
