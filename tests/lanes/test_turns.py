"""Code that several processes need is compiled by one of them at a time."""

import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np
import pytest

from lossatlas.lanes import executables
from lossatlas.lanes.executables import executable
from lossatlas.lanes.turns import in_turn

HOLDER = """
import sys, time, jax
from lossatlas.lanes.turns import in_turn
jax.config.update("jax_compilation_cache_dir", sys.argv[1])
with in_turn("code"):
    print("inside", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path):
    before = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    yield tmp_path
    jax.config.update("jax_compilation_cache_dir", before)


def work_at_once(codes: list[str], work) -> None:
    def in_own_turn(code: str) -> None:
        with in_turn(code):
            work()

    threads = [threading.Thread(target=in_own_turn, args=(code,)) for code in codes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def all_at_once(codes: list[str]) -> bool:
    """Whether so many threads can be in their blocks at the same time."""
    barrier = threading.Barrier(len(codes), timeout=30.0)
    work_at_once(codes, barrier.wait)
    return not barrier.broken


def most_at_once(codes: list[str]) -> int:
    """How many threads were in their blocks at the same time."""
    inside, counts, lock = [0], [], threading.Lock()

    def work() -> None:
        with lock:
            inside[0] += 1
            counts.append(inside[0])
        time.sleep(0.2)
        with lock:
            inside[0] -= 1

    work_at_once(codes, work)
    return max(counts)


def test_the_same_code_is_compiled_by_one_at_a_time(folder: Path):
    assert most_at_once(["quench"] * 3) == 1
    assert all_at_once(["quench", "climb", "flow"])


def test_without_a_folder_of_compiled_code_nobody_waits(folder: Path):
    jax.config.update("jax_compilation_cache_dir", None)
    assert all_at_once(["quench"] * 3)
    assert not list(folder.iterdir())


def test_a_folder_that_does_not_allow_locks_costs_nothing(folder: Path):
    (folder / "file").touch()
    jax.config.update("jax_compilation_cache_dir", str(folder / "file" / "cache"))
    assert all_at_once(["quench"] * 2)


def test_another_process_is_not_waited_for_for_ever_and_not_after_its_death(folder: Path):
    program = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "inside\n"
        begun = time.monotonic()
        with in_turn("code", patience=0.5):
            assert 0.4 < time.monotonic() - begun < 30.0
        holder.kill()
    begun = time.monotonic()
    with in_turn("code", patience=60.0):
        assert time.monotonic() - begun < 30.0


def test_vectorized_lanes_are_compiled_in_turn(monkeypatch: pytest.MonkeyPatch):
    codes: list[str] = []

    @contextmanager
    def noted(code: str):
        codes.append(code)
        yield

    monkeypatch.setattr(executables, "in_turn", noted)
    twice = jax.jit(lambda x: 2.0 * x)
    for length in (2, 3, 2):
        assert executable(twice, np.zeros(length)).result()(np.ones(length)).sum() == 2 * length
    assert len(codes) == len(set(codes)) == 2


def test_what_is_no_folder_here_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    jax.config.update("jax_compilation_cache_dir", "gs://bucket/cache")
    with in_turn("code"):
        assert not list(folder.iterdir())
