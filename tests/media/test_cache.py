"""The disk cache: what is put comes back, whoever writes beside."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mobaigc_sim.media.cache import CacheError, DiskCache, digest
from mobaigc_sim.media.config import CacheConfig
from mobaigc_sim.media.memo import Memo


def arrays(n: int, size: int = 100) -> dict[str, np.ndarray]:
    return {"image": np.full(size, n, np.uint8), "map": np.arange(3.0)}


def test_what_is_put_comes_back(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 10**9)
    key = digest("a", 1)
    assert cache.get(key) is None
    cache.put(key, arrays(7))
    found = cache.get(key)
    assert found is not None
    np.testing.assert_array_equal(found["image"], arrays(7)["image"])
    np.testing.assert_array_equal(found["map"], np.arange(3.0))


def test_digest_tells_parts_apart() -> None:
    same_concatenation = {digest("ab", "c"), digest("a", "bc"), digest("abc"), digest(b"abc"), digest(["ab", "c"])}
    assert len(same_concatenation) == 5
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_a_broken_entry_counts_as_missing(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 10**9)
    cache.put(digest("x"), arrays(1))
    (path,) = entries(tmp_path)
    whole = path.read_bytes()
    for broken in (b"", whole[:10], whole[:-1], whole + b"x", whole[:-1] + bytes([whole[-1] ^ 1]), bytes(len(whole))):
        path.write_bytes(broken)
        assert cache.get(digest("x")) is None
    path.write_bytes(whole)
    assert cache.get(digest("x")) is not None


def test_an_entry_under_another_key_counts_as_missing(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 10**9)
    cache.put(digest("x"), arrays(1))
    (path,) = entries(tmp_path)
    other = digest("y")
    (tmp_path / other[:2]).mkdir(exist_ok=True)
    path.rename(tmp_path / other[:2] / other)
    assert cache.get(other) is None


def test_the_entries_used_longest_ago_go_first(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 10**9)
    keys = [digest(i) for i in range(4)]
    for age, key in enumerate(keys):
        cache.put(key, arrays(age, 5000))
        os.utime(tmp_path / key[:2] / key, ns=(age, age))
    assert cache.get(keys[0]) is not None
    cache.limit_bytes = 2 * (tmp_path / keys[0][:2] / keys[0]).stat().st_size
    cache.shrink()
    assert [cache.get(k) is not None for k in keys] == [True, False, False, True]


def test_a_new_cache_brings_an_old_one_under_the_limit(tmp_path: Path) -> None:
    for n in range(10):
        DiskCache(tmp_path, 10**9).put(digest(n), arrays(n, 5000))
    DiskCache(tmp_path, 20_000)
    assert 0 < size_of(tmp_path) <= 20_000


def test_an_entry_larger_than_the_limit_is_not_stored_and_costs_no_other(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 10_000)
    cache.put(digest("small"), arrays(1))
    cache.put(digest("large"), arrays(1, 20_000))
    assert cache.get(digest("large")) is None
    assert cache.get(digest("small")) is not None


def test_an_entry_written_again_counts_once(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 30_000)
    cache.put(digest("kept"), arrays(1, 5000))
    for n in range(20):
        cache.put(digest("again"), arrays(n, 5000))
    assert cache.get(digest("kept")) is not None


def test_what_a_dead_writer_left_is_removed_and_what_a_live_one_writes_is_not(tmp_path: Path) -> None:
    DiskCache(tmp_path, 10**9).put(digest("x"), arrays(1))
    folder = tmp_path / digest("x")[:2]
    dead, live = folder / "dead.part", folder / "live.part"
    for part in (dead, live):
        part.write_bytes(b"half")
    os.utime(dead, (0, 0))
    DiskCache(tmp_path, 10**9)
    assert not dead.exists()
    assert live.exists()


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match="cannot be written"):
        DiskCache(tmp_path / "file" / "cache", 10)


def test_writers_of_several_processes_leave_whole_entries_and_keep_the_limit(tmp_path: Path) -> None:
    limit = 60_000
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        seen = list(pool.map(write_and_read, [tmp_path] * 4, range(4), [limit] * 4))
    hits, largest = sum(h for h, _ in seen), max(size for _, size in seen)
    assert hits > 0
    assert 0.5 * limit < largest <= limit
    assert size_of(tmp_path) <= limit
    assert not list(tmp_path.glob("*/*.part"))


def test_a_writer_that_is_killed_leaves_no_half_entry(tmp_path: Path) -> None:
    limit = 60_000
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=write_for_ever, args=(tmp_path, limit))
    child.start()
    while len(entries(tmp_path)) < 5 and child.is_alive():
        time.sleep(0.001)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert child.exitcode == -signal.SIGKILL
    cache = DiskCache(tmp_path, limit)
    left = entries(tmp_path)
    assert left
    assert all(cache.get(path.name) is not None for path in left)
    write_and_read(tmp_path, 1, limit)
    assert size_of(tmp_path) <= limit


@pytest.mark.parametrize("on_disk", [False, True])
def test_what_nobody_knows_is_computed_once_in_batches_and_comes_back_in_order(tmp_path: Path, on_disk: bool) -> None:
    keys = [digest(n) for n in (5, 3, 5, 8, 3, 1)]
    asked: list[list[int]] = []

    def compute(places: list[int]) -> list[dict[str, np.ndarray]]:
        asked.append(places)
        return [{"place": np.array([place])} for place in places]

    def recall() -> list[int]:
        config = CacheConfig(folder=str(tmp_path)) if on_disk else None
        return [found["place"].item() for found in Memo(config, 3).arrays(keys, compute)]

    assert recall() == recall() == [0, 1, 0, 3, 1, 5]
    assert asked == ([[0, 1, 3], [5]] if on_disk else [[0, 1, 3], [5]] * 2)


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_check_is_run_until_it_passed_where_the_disk_remembers(tmp_path: Path, on_disk: bool) -> None:
    memo = Memo(CacheConfig(folder=str(tmp_path)) if on_disk else None, 1)
    runs = []

    def check() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise ValueError

    with pytest.raises(ValueError):
        memo.once(digest("check"), check)
    for _ in range(3):
        memo.once(digest("check"), check)
    assert len(runs) == (2 if on_disk else 4)


def entries(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*/*") if path.suffix != ".part"]


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in entries(folder))


def write_and_read(folder: Path, seed: int, limit: int) -> tuple[int, int]:
    """Hits, and the most bytes that the folder ever held while nobody wrote."""
    cache = DiskCache(folder, limit)
    hits = largest = 0
    for i in range(60):
        n = (i * (seed + 3)) % 25
        cache.put(digest(n), arrays(n, 4000 + 40 * n))
        with cache._locked():
            largest = max(largest, size_of(folder))
        for wanted in (n, (i + seed) % 25):
            found = cache.get(digest(wanted))
            hits += found is not None
            assert found is None or set(found["image"]) == {wanted}
    return hits, largest


def write_for_ever(folder: Path, limit: int) -> None:
    cache = DiskCache(folder, limit)
    n = 0
    while True:
        cache.put(digest(n % 50), arrays(n % 50, 4000))
        n += 1
