"""An atlas that can only be read is read as it is, and nothing is left beside it."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from atlas_points import attempt, network_point, problem

from lossatlas.atlas import Atlas
from lossatlas.errors import AtlasError

NOBODY = 65534
READ = f"""
import json, os, sys
import pandas, scipy.sparse.csgraph
from sqlalchemy.dialects import sqlite
import lossatlas.atlas.network, lossatlas.atlas.tables
from lossatlas.atlas import Atlas
from lossatlas.errors import LossatlasError

if os.getuid() == 0:  # whom permissions do not bind
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})

def outcome(path):
    before = sorted(os.listdir(os.path.dirname(path)))
    try:
        with Atlas.open(path) as atlas:
            found = [atlas.status()["minima"], len(atlas.minima())]
            try:
                atlas.start_run({{}}, 0, {{}}, "cpu")
            except LossatlasError as error:
                found.append(str(error))
    except LossatlasError as error:
        found = str(error)
    assert sorted(os.listdir(os.path.dirname(path))) == before
    return found

temporary = len(os.listdir(os.environ["TMPDIR"]))
answers = [outcome(path) for path in sys.argv[1:]]
assert len(os.listdir(os.environ["TMPDIR"])) == temporary, "a private copy was left"
print(json.dumps(answers))
"""


def _readable_folder() -> Path:
    """A folder that every user can enter (pytest's own ones are closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="atlas-", dir="/tmp"))
    folder.chmod(0o755)
    return folder


@pytest.fixture
def folder() -> Iterator[Path]:
    if sys.platform == "win32":
        pytest.skip("permission bits of folders mean nothing on Windows")
    made = _readable_folder()
    yield made
    for entry in made.iterdir():
        entry.chmod(0o755)
    shutil.rmtree(made)


def in_folder(folder: Path, name: str, rng) -> Path:
    """A closed atlas with one minimum, in a folder of its own."""
    (folder / name).mkdir()
    path = folder / name / "a b?#%.atlas"  # characters that mean something in an address
    with Atlas.create(path, problem()) as atlas:
        run_id = atlas.start_run({}, 0, {}, "cpu")
        atlas.commit(run_id, [attempt(minima=[network_point(rng)])], "a batch")
        atlas.finish_run(run_id, "done")
    return path


def left_in_write_ahead_mode(path: Path) -> Path:
    """As programs leave it that do not make one plain file of it."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    return path


def killed(path: Path, rng) -> Path:
    """As after the death of a program: a second minimum is in the log only."""
    kept = path.parent.with_name("kept")
    with Atlas.open(path) as atlas:
        run_id = atlas.start_run({}, 0, {}, "cpu")
        atlas.commit(run_id, [attempt(minima=[network_point(rng)])], "only in the log")
        shutil.copytree(path.parent, kept)
    shutil.rmtree(path.parent)
    kept.rename(path.parent)
    assert Path(f"{path}-wal").stat().st_size > 0
    return path


def cut_off_transaction(path: Path) -> Path:
    """As after the death of a program without write-ahead log: pages written, not committed."""
    kept = path.parent.with_name("kept")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA cache_size=1")  # so that pages are written before the end
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE spill (x)")
    connection.executemany("INSERT INTO spill VALUES (?)", [("x" * 3000,)] * 200)
    connection.execute("DELETE FROM minimum")
    shutil.copytree(path.parent, kept)
    connection.close()
    shutil.rmtree(path.parent)
    kept.rename(path.parent)
    assert Path(f"{path}-journal").stat().st_size > 0
    return path


def read_as_nobody(folder: Path, paths: list[Path]) -> list:
    temporary = folder / "temporary"
    temporary.mkdir()
    temporary.chmod(0o777)
    ran = subprocess.run(
        [sys.executable, "-c", READ, *map(str, paths)],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_an_atlas_is_read_wherever_and_however_it_was_left(folder, rng):
    finished = in_folder(folder, "finished", rng)
    old = left_in_write_ahead_mode(in_folder(folder, "old", rng))
    dead = killed(in_folder(folder, "dead", rng), rng)
    dead_without_shm = killed(in_folder(folder, "without-shm", rng), rng)
    Path(f"{dead_without_shm}-shm").unlink()
    cut_off = cut_off_transaction(in_folder(folder, "cut-off", rng))
    file_only = left_in_write_ahead_mode(in_folder(folder, "file-only", rng))
    secret = in_folder(folder, "secret", rng)
    live = in_folder(folder, "live", rng)
    paths = [finished, old, dead, dead_without_shm, cut_off, file_only, live, secret]
    with Atlas.open(live) as writer:
        run_id = writer.start_run({}, 0, {}, "cpu")
        writer.commit(run_id, [attempt(minima=[network_point(rng) for _ in range(4)])], "four")
        for path in paths:
            for file in path.parent.iterdir():
                file.chmod(0o444 if path != live else 0o644)
            path.parent.chmod(0o555)
        file_only.parent.chmod(0o777)
        secret.chmod(0o000)
        answers = read_as_nobody(folder, paths)
        minima = [answer[0] if isinstance(answer, list) else answer for answer in answers[:-1]]
        assert minima == [1, 1, 2, 2, 1, 1, 5]
        for answer in answers[:-1]:
            assert answer[1] == answer[0]
            assert "can only be read" in answer[2]
            assert "copy it to a folder of your own" in answer[2]
        assert "you may not read it" in answers[-1]
        writer.commit(run_id, [attempt(minima=[network_point(rng)])], "one more")
        assert writer.status()["minima"] == 6


def test_a_writable_atlas_with_a_cut_off_transaction_is_mended(tmp_path, rng):
    path = cut_off_transaction(in_folder(tmp_path, "a", rng))
    with Atlas.open(path) as atlas:
        assert atlas.status()["minima"] == 1
    assert list(path.parent.iterdir()) == [path]


def test_reading_changes_nothing_in_a_writable_folder(tmp_path, rng):
    for path in (
        in_folder(tmp_path, "a", rng),
        left_in_write_ahead_mode(in_folder(tmp_path, "b", rng)),
    ):
        before = path.read_bytes()
        with Atlas.open(path) as atlas:
            assert atlas.status()["minima"] == 1
        assert list(path.parent.iterdir()) == [path]
        assert path.read_bytes() == before


def test_what_a_dead_program_left_becomes_one_plain_file(tmp_path, rng):
    path = killed(in_folder(tmp_path, "a", rng), rng)
    with Atlas.open(path) as atlas:
        assert atlas.status()["minima"] == 2
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes()[18:20] == b"\1\1"  # no write-ahead log any more
    with Atlas.open(path) as atlas:  # and so there is nothing to warn of
        assert atlas.status()["unfinished_runs"] == 1


def test_a_file_that_keeps_changing_is_not_copied(tmp_path, rng, monkeypatch):
    from lossatlas.atlas import sqlite_file

    path = left_in_write_ahead_mode(in_folder(tmp_path, "a", rng))
    place = sqlite_file.inspect_file(path, may_create=False)._replace(writable=False)
    assert place.needs_copy
    copy = shutil.copyfile

    def copyfile(source, target):
        copy(source, target)
        os.utime(source, ns=(rng.integers(2**40), rng.integers(2**40)))

    monkeypatch.setattr(sqlite_file, "COPY_DELAYS", (0.0, 0.0))
    monkeypatch.setattr(shutil, "copyfile", copyfile)
    with pytest.raises(AtlasError, match="another program is changing it"):
        sqlite_file.private_copy(place)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (lambda source, _: PermissionError(13, "denied", source), "%.atlas: you may not read it"),
        (
            lambda _, target: PermissionError(13, "denied", target),
            r"copied .*\(denied\); set TMPDIR",
        ),
        (lambda source, target: OSError(28, "full", source, None, target), r"\(full\); set TMPDIR"),
    ],
)
def test_why_a_file_cannot_be_copied_is_told(tmp_path, rng, monkeypatch, error, message):
    from lossatlas.atlas import sqlite_file

    path = left_in_write_ahead_mode(in_folder(tmp_path, "a", rng))
    place = sqlite_file.inspect_file(path, may_create=False)

    def fail(source: Path, target: Path) -> None:
        raise error(str(source), str(target))

    monkeypatch.setattr(sqlite_file.shutil, "copyfile", fail)
    with pytest.raises(AtlasError, match=message):
        sqlite_file.private_copy(place)
