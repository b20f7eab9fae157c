"""Folders are replaced so that one of the two is always there whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobaigc_sim.results.files import recovered_folder, replace_folder


def folder_with(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "a").write_text(text)
    return path


def test_the_new_folder_takes_the_name(tmp_path: Path) -> None:
    old = folder_with(tmp_path / "x", "old")
    replace_folder(folder_with(tmp_path / "part", "new"), old)
    assert (old / "a").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_stopped_halfway_the_old_one_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, part = folder_with(tmp_path / "x", "old"), folder_with(tmp_path / "part", "new")
    rename = Path.rename

    def until_the_part(path: Path, target: Path) -> Path:
        if path == part:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", until_the_part)
    with pytest.raises(KeyboardInterrupt):
        replace_folder(part, old)
    assert not old.exists()
    assert (recovered_folder(old) / "a").read_text() == "old"
    monkeypatch.undo()
    replace_folder(part, old)
    assert (old / "a").read_text() == "new"
    assert recovered_folder(tmp_path / "none") == tmp_path / "none"
