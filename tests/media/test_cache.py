"""The disk cache: what is put comes back, whoever writes beside."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mobaigc_sim.media.cache import CacheError, DiskCache, digest


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
    (path,) = tmp_path.glob("*/*.npz")
    path.write_bytes(path.read_bytes()[:50])
    assert cache.get(digest("x")) is None


def test_the_entries_used_longest_ago_go_first(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 10**9)
    keys = [digest(i) for i in range(4)]
    for age, key in enumerate(keys):
        cache.put(key, arrays(age, 5000))
        os.utime(tmp_path / key[:2] / f"{key}.npz", ns=(age, age))
    assert cache.get(keys[0]) is not None
    cache.limit_bytes = 2 * (tmp_path / keys[0][:2] / f"{keys[0]}.npz").stat().st_size
    cache.shrink()
    assert [cache.get(k) is not None for k in keys] == [True, False, False, True]


def test_a_new_cache_brings_an_old_one_under_the_limit(tmp_path: Path) -> None:
    for n in range(10):
        DiskCache(tmp_path, 10**9).put(digest(n), arrays(n, 5000))
    DiskCache(tmp_path, 20_000)
    assert sum(p.stat().st_size for p in tmp_path.glob("*/*")) <= 20_000


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match="cannot be written"):
        DiskCache(tmp_path / "file" / "cache", 10)


def test_concurrent_writers_leave_whole_entries(tmp_path: Path) -> None:
    def work(seed: int) -> None:
        cache = DiskCache(tmp_path, 10**9)
        for i in range(40):
            cache.put(digest(i % 5), arrays(i % 5))
            found = cache.get(digest((i + seed) % 5))
            assert found is None or set(found["image"]) == {(i + seed) % 5}

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(list(tmp_path.glob("*/*"))) == 5
