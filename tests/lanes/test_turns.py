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

from lossatlas.kernels.quench import Quench
from lossatlas.landscape import FunctionLandscape
from lossatlas.lanes import session
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Request
from lossatlas.lanes.turns import in_turn
from lossatlas.testing.surfaces import SIX_HUMP_CAMEL

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


def most_at_once(codes: list[str]) -> int:
    """How many threads were in their blocks at the same time."""
    inside, most, lock = 0, 0, threading.Lock()

    def work(code: str) -> None:
        nonlocal inside, most
        with in_turn(code):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.3)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=work, args=(code,)) for code in codes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return most


def test_the_same_code_is_compiled_by_one_at_a_time(folder: Path):
    assert most_at_once(["quench"] * 3) == 1
    assert most_at_once(["quench", "climb", "flow"]) == 3


def test_without_a_folder_of_compiled_code_nobody_waits(folder: Path):
    jax.config.update("jax_compilation_cache_dir", None)
    assert most_at_once(["quench"] * 3) == 3
    assert not list(folder.iterdir())


def test_a_folder_that_does_not_allow_locks_costs_nothing(folder: Path):
    (folder / "file").touch()
    jax.config.update("jax_compilation_cache_dir", str(folder / "file" / "cache"))
    assert most_at_once(["quench"] * 2) == 2


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


def test_every_kernel_takes_its_turn_once_with_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch):
    codes: list[str] = []

    @contextmanager
    def noted(code: str):
        codes.append(code)
        yield

    monkeypatch.setattr(session, "in_turn", noted)
    camel = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1], "camel")
    kernels = Quench(), Quench(max_evaluations=50)

    def search(k: int):
        for kernel in kernels:
            yield Request(kernel, (np.full(2, 0.1 * k),))

    list(Engine(camel.surface, workers=2).run(search(k) for k in range(1, 9)))
    assert len(codes) == len(set(codes)) == 2
