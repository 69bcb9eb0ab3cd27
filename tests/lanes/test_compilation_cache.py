"""Compiled code is kept between runs, and nothing broken stays in its folder."""

import os
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from lossatlas.lanes.compilation_cache import MARGIN, STAMP, cache_folder, tidy

PROGRAM = """
from lossatlas.lanes.runtime import configure
configure()
import jax, jax.numpy as jnp
print(jax.jit(lambda x: jnp.tanh(x @ x.T).sum())(jnp.ones((5, 5))).dtype)
"""


def compiled_in(folder: Path) -> list[Path]:
    """Files of a process that keeps its code there, whatever other tests have set for JAX."""
    environment = {name: value for name, value in os.environ.items() if name[:4] != "JAX_"}
    environment |= {"LOSSATLAS_CACHE": str(folder), "XLA_FLAGS": ""}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment
    )
    assert (ran.stdout.strip(), ran.stderr) == ("float64", "")
    return sorted(folder.rglob("*-cache"))


def test_broken_entries_are_compiled_again_in_silence(tmp_path: Path):
    entries = compiled_in(tmp_path)
    assert entries
    whole = [entry.read_bytes() for entry in entries]
    for entry, content in zip(entries, whole, strict=True):
        entry.write_bytes(content[: len(content) // 2])
    assert compiled_in(tmp_path) == entries
    assert all(zlib.decompress(entry.read_bytes()) for entry in entries)


def test_only_broken_entries_are_removed(tmp_path: Path):
    whole = zlib.compress(bytes(range(256)) * 20)
    contents = {"a": whole, "b": whole[:-9], "c": b"", "d": whole[:9] + b"?" + whole[10:]}
    for name, content in contents.items():
        (tmp_path / f"{name}-cache").write_bytes(content)
    (tmp_path / "else").write_bytes(b"?")
    tidy(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"a-cache", "else", STAMP}


def test_what_was_whole_is_not_read_again(tmp_path: Path):
    """Only entries written since, or shortly before, can have been cut short."""
    old, new = tmp_path / "old-cache", tmp_path / "new-cache"
    old.write_bytes(zlib.compress(b"whole"))
    long_ago = time.time() - 2 * MARGIN
    os.utime(old, (long_ago, long_ago))
    tidy(tmp_path)
    for entry in (old, new):
        entry.write_bytes(b"?")
    os.utime(old, (long_ago, long_ago))
    tidy(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"old-cache", STAMP}


def test_the_oldest_entries_go_first(tmp_path: Path, monkeypatch):
    whole = zlib.compress(os.urandom(1000))
    monkeypatch.setattr("lossatlas.lanes.compilation_cache.LARGEST", 2 * len(whole))
    for age, name in enumerate("abc"):
        entry = tmp_path / f"{name}-cache"
        entry.write_bytes(whole)
        os.utime(entry, (1000 - age, 1000 - age))
    tidy(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*-cache")) == ["a-cache", "b-cache"]


def test_the_folder_can_be_chosen_and_turned_off(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("LOSSATLAS_CACHE", str(tmp_path))
    folder = cache_folder("jax-1")
    assert folder is not None
    assert folder.parent == tmp_path / "xla"
    assert folder.name.startswith("jax-1-")
    monkeypatch.setenv("LOSSATLAS_CACHE", "")
    assert cache_folder("jax-1") is None


@pytest.mark.parametrize("place", ["/proc/none", "file/below"][not Path("/proc").is_dir() :])
def test_an_unwritable_folder_is_done_without(tmp_path: Path, monkeypatch, place: str):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LOSSATLAS_CACHE", str(tmp_path / place))
    assert cache_folder("jax-1") is None
