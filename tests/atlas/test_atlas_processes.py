"""Several programs, killed programs, full disks: nothing that was committed is ever lost."""

import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from atlas_points import attempt, network_point, problem

from lossatlas.atlas import Atlas
from lossatlas.atlas.network import read_network
from lossatlas.atlas.schema import SCHEMA_VERSION
from lossatlas.errors import AtlasError

EXPLORE = """
import sys
import numpy as np
from atlas_points import attempt, network_point, pathway, problem, symmetry_copy
from lossatlas.atlas import Atlas

target, seed, batches = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(seed)
shared = [network_point(np.random.default_rng(k)) for k in range(20)]
with Atlas.open_or_create(target, problem()) as atlas:
    run_id = atlas.start_run({}, seed, {}, "cpu")
    for batch in range(batches):
        known = [symmetry_copy(rng, shared[k]) for k in rng.choice(20, 5)]
        ends, state = [network_point(rng), network_point(rng)], network_point(rng, index=1)
        receipt = atlas.commit(
            run_id,
            [attempt(minima=known), attempt(pathways=[pathway(state, *ends)])],
            f"run {run_id} batch {batch}",
        )
        print(*receipt.new_minima, *receipt.new_transition_states, flush=True)
    atlas.finish_run(run_id, "all done")
"""


def explorer(target, seed: int, batches: int) -> subprocess.Popen:
    """A program that commits batches: three new points each and copies of 20 shared minima."""
    command = [sys.executable, "-c", EXPLORE, str(target), str(seed), str(batches)]
    return subprocess.Popen(
        command,
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def integrity(path) -> list[str]:
    connection = sqlite3.connect(path)
    answers = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    answers += [str(row) for row in connection.execute("PRAGMA foreign_key_check")]
    connection.close()
    return answers


def test_two_programs_explore_one_new_atlas(target):
    programs = [explorer(target, seed, 30) for seed in (100, 200)]
    for program in programs:
        _, errors = program.communicate(timeout=100)
        assert program.returncode == 0, errors
    with Atlas.open(target) as atlas:
        status, minima = atlas.status(), atlas.minima()
    assert (status["runs"], status["unfinished_runs"], status["attempts"]) == (2, 0, 120)
    assert status["transition_states"] == 60
    assert status["minima"] == 120 + 20  # each shared minimum once, whoever found it first
    assert minima["times_found"].sum() == 120 + 2 * 30 * 5


def test_threads_share_an_atlas(atlas, run_id):
    def commit(seed: int) -> int:
        rng = np.random.default_rng(seed)
        minima = [network_point(rng), network_point(np.random.default_rng(99))]
        return len(atlas.commit(run_id, [attempt(minima=minima)], f"{seed}").new_minima)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(commit, range(12))) == 13
    assert atlas.minima()["times_found"].max() == 12


TWICE = """
import os, signal, sys
from atlas_points import problem
from lossatlas.atlas import Atlas

path, again = sys.argv[1], sys.argv[2]
first = Atlas.create(path, problem())
first.start_run({}, 1, {}, "cpu")
second = Atlas.open(again)
print("ready", flush=True)
sys.stdin.readline()
first.start_run({}, 3, {}, "cpu")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("again", ["d2.atlas", "link.atlas"])
def test_a_program_that_opens_an_atlas_twice_keeps_its_locks(tmp_path, again):
    path = tmp_path / "d2.atlas"
    (tmp_path / "link.atlas").symlink_to(path)
    command = [sys.executable, "-c", TWICE, str(path), str(tmp_path / again)]
    folder = Path(__file__).parent
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, text=True) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        with Atlas.open(path) as atlas:  # not the last one that closes it
            atlas.start_run({}, 2, {}, "cpu")
        assert path.with_name("d2.atlas-wal").exists()
        program.communicate("\n")
    with Atlas.open(path) as atlas:
        assert atlas.runs()["seed"].tolist() == [1, 2, 3]
    assert integrity(path) == ["ok"]


def test_a_reader_that_was_there_first_and_ends_last_leaves_one_plain_file(tmp_path):
    path = tmp_path / "d2.atlas"
    Atlas.create(path, problem()).close()
    write = "import sys; from lossatlas.atlas import Atlas; atlas = Atlas.open(sys.argv[1]); "
    write += "atlas.start_run({}, 0, {}, 'cpu'); print(flush=True); input(); atlas.close()"
    command, pipe = [sys.executable, "-c", write, str(path)], subprocess.PIPE
    with Atlas.open(path) as reader:
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as program:
            assert program.stdout is not None
            assert program.stdout.readline() == "\n"
            assert reader.status()["runs"] == 1
            program.communicate("\n")
        assert path.read_bytes()[18:20] == b"\2\2"  # the other could not end it
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes()[18:20] == b"\1\1"  # no write-ahead log any more


def test_a_killed_program_loses_nothing_it_was_told_is_safe(tmp_path):
    target, reported = tmp_path / "d2.atlas", []
    for seed in range(3):
        program = explorer(target, 1000 + seed, 10**6)
        assert program.stdout is not None
        assert program.stderr is not None
        reported += [program.stdout.readline() for _ in range(5 + 3 * seed)]
        program.kill()
        reported += program.stdout.readlines()
        program.wait()
        program.stdout.close()
        program.stderr.close()
        assert integrity(target) == ["ok"]
        with Atlas.open_or_create(target, problem()) as atlas:
            status = atlas.status()
            assert status["unfinished_runs"] == seed + 1
            complete = [line for line in reported if line.endswith("\n")]
            for line in complete:
                *minima, state = map(int, line.split())
                assert np.isfinite(atlas.minimum_weights(minima)).all()
                assert atlas.transition_state_weights([state]).shape == (1, 74)
            batches = status["transition_states"]
            assert len(complete) <= batches <= len(complete) + seed + 1
            assert status["attempts"] == 2 * batches  # whole batches only


def test_a_program_killed_while_it_creates_does_not_poison_the_file(tmp_path):
    target = tmp_path / "d2.atlas"
    for k in range(4):
        target.unlink(missing_ok=True)
        program = explorer(target, 1, 1)
        while not target.exists():
            assert program.poll() is None, program.communicate()
            time.sleep(0.001)
        time.sleep(0.006 * k)
        program.kill()
        program.communicate()
        with Atlas.open_or_create(target, problem()) as atlas:
            assert atlas.status()["schema_version"] == SCHEMA_VERSION
        assert integrity(target) == ["ok"]


def test_a_locked_atlas_says_so_and_can_be_read(tmp_path, rng):
    target = tmp_path / "d2.atlas"
    with Atlas.create(target, problem(), seconds=0.1) as atlas:
        run_id = atlas.start_run({}, 0, {}, "cpu")
        other = sqlite3.connect(target, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(AtlasError, match="another program keeps it locked"):
            atlas.commit(run_id, [attempt(minima=[network_point(rng)])], "1")
        with Atlas.open(target, seconds=0.1) as reader:
            assert reader.status()["runs"] == 1
        other.close()
        assert (
            len(atlas.commit(run_id, [attempt(minima=[network_point(rng)])], "1").new_minima) == 1
        )


def test_a_full_disk_keeps_what_was_committed(tmp_path, rng):
    with Atlas.create(tmp_path / "d2.atlas", problem()) as atlas:
        run_id = atlas.start_run({}, 0, {}, "cpu")
        atlas.commit(run_id, [attempt(minima=[network_point(rng)])], "1")
        with atlas.reading() as connection:  # the one connection of the pool: SQLite's own limit
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
        with pytest.raises(AtlasError, match="disk is full; all that was committed before is safe"):
            atlas.commit(run_id, [attempt(minima=[network_point(rng) for _ in range(100)])], "2")
        assert atlas.status()["minima"] == 1
    assert integrity(tmp_path / "d2.atlas") == ["ok"]


def test_a_reader_sees_one_state_while_others_write(atlas, target, run_id, rng):
    with atlas.reading() as connection:
        before = read_network(connection)
        with Atlas.open(target) as other:
            other.commit(run_id, [attempt(minima=[network_point(rng)])], "1")
        again = read_network(connection)
    assert again.network.minimum_ids.size == before.network.minimum_ids.size == 0
    assert atlas.status()["minima"] == 1
