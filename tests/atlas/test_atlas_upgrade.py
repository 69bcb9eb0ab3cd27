"""An atlas of an older schema is upgraded whole or not at all, and its backup is what it was.

``version-1.atlas`` and ``version-2.atlas`` were each made by the last program of that version: 16
items of two classes, two hidden units, two runs, independent draws, and AUC columns.
"""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import warnings
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Integer,
    MetaData,
    Text,
    cast,
    create_engine,
    insert,
    inspect,
    make_url,
    select,
)

from lossatlas.atlas import Atlas, schema, upgrade
from lossatlas.atlas.links import read_links
from lossatlas.atlas.log import read_draws, read_log
from lossatlas.errors import AtlasError, BadInputError

MESSAGE = r"upgraded from schema version [12] to 3"
KEPT = {1: {"minimum", "transition_state", "attempt", "property"}, 2: {"link", "attempt"}}
"""The tables that are kept in PostgreSQL."""

only_1 = pytest.mark.parametrize("old", [1], indirect=True)
only_2 = pytest.mark.parametrize("old", [2], indirect=True)


def read(path: Path, statement: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(statement).fetchall()
        connection.commit()
    return rows


def dump(path: Path) -> list[str]:
    """All tables and rows as text; of a copy, since reading leaves files beside it."""
    copy = Path(shutil.copy(path, path.with_name("dumped")))
    with closing(sqlite3.connect(copy)) as connection:
        lines = list(connection.iterdump())
    for left in path.parent.glob("dumped*"):
        left.unlink()
    return lines


@pytest.fixture(params=[1, 2], ids=lambda version: f"version-{version}")
def old(request, tmp_path: Path) -> Path:
    stored = Path(__file__).with_name(f"version-{request.param}.atlas")
    return Path(shutil.copy(stored, tmp_path / "xor.atlas"))


def version_of(path: Path) -> int:
    return int(read(path, "SELECT value FROM meta WHERE key = 'schema_version'")[0][0])


def backup_of(path: Path) -> Path:
    """Where the backup of an atlas that was not upgraded yet will be."""
    return path.with_name(f"{path.name}.version-{version_of(path)}")


def opened(target: Path | str) -> Atlas:
    with pytest.warns(UserWarning, match=MESSAGE):
        return Atlas.open(target)


def run_python(program: str, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-W", "ignore", "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def check_content(atlas: Atlas, old: Path) -> None:
    """The atlas has all that the old one had."""
    assert atlas.check() == ()
    (check_content_1 if version_of(old) == 1 else check_content_2)(atlas, old)


def check_content_2(atlas: Atlas, old: Path) -> None:
    """All rows are those of version 2, but for what the searches in flight are counted by."""
    with atlas.reading() as connection:
        for name, table in schema.metadata.tables.items():
            if name == "neighbors":
                assert not connection.execute(select(table)).all()
                continue
            columns = [c for c in table.c if c.name not in ("checksum", "directions", "value")]
            order = ", ".join(c.name for c in table.primary_key)
            names = ", ".join(
                "2 * width" if (name, c.name) == ("attempt", "width") else c.name for c in columns
            )
            stored = read(old, f"SELECT {names} FROM {name} ORDER BY {order}")
            plain = select(*(cast_plain(c) for c in columns)).order_by(*table.primary_key)
            assert [tuple(row) for row in connection.execute(plain)] == stored
        link = schema.link.c
        assert set(connection.execute(select(link.directions)).scalars()) == {None}


def cast_plain(column: Column) -> ColumnElement:
    """A column as SQLite has it, whichever database it is in."""
    if isinstance(column.type, JSON):
        return cast(column, Text)
    return cast(column, Integer) if isinstance(column.type, Boolean) else column


def check_content_1(atlas: Atlas, old: Path) -> None:
    """Points, links, attempts, draws, runs and columns are those of version 1."""
    names = "id, energy, lowest_eigenvalue, orbit_size, times_found, rms_gradient"
    minima, states = atlas.minima(), atlas.transition_states()
    shown = minima[["id", "loss", "lowest_eigenvalue", "orbit_size", "times_found", "rms_gradient"]]
    points = [(*row[:3], str(row[3]), *row[4:]) for row in shown.itertuples(index=False, name=None)]
    assert points == read(old, f"SELECT {names} FROM minimum ORDER BY id")
    names = "id, energy, minimum_1, minimum_2, degenerate, times_found"
    shown = states[["id", "loss", "minimum_1", "minimum_2", "degenerate", "times_found"]]
    joined = list(shown.itertuples(index=False, name=None))
    assert joined == read(old, f"SELECT {names} FROM transition_state ORDER BY id")
    for table, weights in (
        ("minimum", atlas.minimum_weights(minima["id"])),
        ("transition_state", atlas.transition_state_weights(states["id"])),
    ):
        stored = read(old, f"SELECT weights FROM {table} ORDER BY id")
        assert [row.tobytes() for row in weights] == [blob for (blob,) in stored]
    log = atlas.attempts()
    names = "id, run_id, strategy, status, gradients, new_minima, new_transition_states"
    shown = log[names.split(", ")]
    stored = read(old, f"SELECT {names} FROM attempt ORDER BY id")
    assert list(shown.itertuples(index=False, name=None)) == stored
    stored = read(old, "SELECT origin, minima, transition_states FROM attempt ORDER BY id")
    for k, column in enumerate(("origin", "minima", "transition_states")):
        plain = [row[k].strip("[]").replace(",", " ").split() for row in stored]
        assert log[column].tolist() == [tuple(map(int, ids)) for ids in plain]
    runs = read(old, "SELECT id, seed, reason FROM run ORDER BY id")
    shown = atlas.runs()[["id", "seed", "reason"]]
    assert list(shown.itertuples(index=False, name=None)) == runs
    values = read(old, "SELECT value FROM property WHERE name = 'test_auc' ORDER BY minimum_id")
    assert minima["test_auc"].tolist() == [value for (value,) in values]


def test_everything_is_there_after_the_upgrade_and_the_backup_is_what_it_was(old, recwarn):
    before, backup, version = dump(old), backup_of(old), version_of(old)
    with opened(old) as atlas:
        assert dump(backup) == before
        check_content(atlas, backup)
        assert atlas.status()["schema_version"] == 3
    assert old.read_bytes()[18:20] == b"\1\1"  # one plain file, which version 1 did not leave
    with Atlas.open(old) as again:  # no word of it a second time
        assert again.status()["transition_states"] == {1: 14, 2: 8}[version]
    names = {path.name for path in old.parent.iterdir()}
    assert {name for name in names if not name.endswith(("-wal", "-shm"))} == {
        "xor.atlas",
        backup.name,
    }
    assert not recwarn.list


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 7, 64])
def test_any_number_of_rows_can_be_written_together(old, monkeypatch, rows):
    """Points of an attempt may come in other portions than the attempt."""
    monkeypatch.setattr(upgrade, "ROWS_AT_ONCE", rows)
    backup = backup_of(old)
    with opened(old) as atlas:
        check_content(atlas, backup)


@only_2
def test_what_was_damaged_before_is_still_found(old):
    """No checksum is made for a row that did not fit its own, whatever is wrong with it."""
    damages = {
        "link (transition state 3, side 1, minimum 3)": "UPDATE link SET tolerance = 1 WHERE "
        "transition_state = 3 AND side = 1",
        "attempt 4": "UPDATE attempt SET width = 48 WHERE id = 4",
        "attempt 5": "UPDATE attempt SET failures = '{WRONG' WHERE id = 5",
        "attempt 6": "UPDATE attempt SET width = 'wide' WHERE id = 6",
        "attempt 7": "UPDATE attempt SET what = 'else' WHERE id = 7",
        "minimum 2": "UPDATE minimum SET energy = 0.5 WHERE id = 2",
    }
    for damage in damages.values():
        read(old, damage)
    with opened(old) as atlas:
        found = atlas.check()
    assert {text.split(": changed")[0] for text in found} == set(damages)


@only_1
def test_the_log_names_the_searches_that_were_made(old):
    details = read(old, "SELECT strategy, detail FROM attempt ORDER BY id")
    with opened(old) as atlas:
        log = read_log(atlas)
        draws = {stream: len(read_draws(atlas, stream)) for stream in ("minima", "saddles")}
    for entry, (strategy, detail) in zip(log, details, strict=True):
        text = f"{entry.what} quench {entry.part}" if strategy == "basin-hopping" else entry.what
        assert (entry.strategy, text) == (strategy, detail)
        assert entry.width == 48
    assert {entry.what for entry in log if entry.strategy == "basin-hopping"} >= {"chain 0"}
    assert {entry.part for entry in log} == {1, 2, 3}
    streams = [strategy for strategy, _ in details]
    assert draws["minima"] == streams.count("independent-minima")
    assert draws["saddles"] == streams.count("independent-saddles")


@only_1
def test_paths_that_run_into_saddles_and_contradictions_are_kept(old):
    read(old, "UPDATE transition_state SET via_1 = 1, via_1_index = 1 WHERE id = 14")
    read(old, "UPDATE transition_state SET via_2_index = 3 WHERE id = 14")
    read(old, "UPDATE attempt SET conflicts = '[2, 2]', conflict_count = 2 WHERE id = 7")
    with opened(old) as atlas:
        states = atlas.transition_states().set_index("id")
        assert states.loc[14, ["via_1", "via_1_index", "via_2_index"]].tolist() == [1, 1, 3]
        assert states["via_1"].notna().sum() == 1
        assert atlas.attempts()["conflicts"][6] == (2, 2)
        assert atlas.status()["link_conflicts"] == 2
        assert atlas.check() == ()
        with atlas.reading() as connection:
            later = read_links(connection, after=13)
    assert later.transition_state.tolist() == [14, 14]
    assert later.via_index.tolist() == [1, 3]


DIE = """
import os, signal, sys
from importlib import import_module
from lossatlas.atlas import Atlas

module, name, call = sys.argv[2], sys.argv[3], int(sys.argv[4])
module = import_module(module)
real, calls = getattr(module, name), []

def until_then(*arguments):
    calls.append(arguments)
    if len(calls) == call:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)

setattr(module, name, until_then)
Atlas.open(sys.argv[1])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_an_upgrade_that_is_killed_anywhere_is_made_again(old):
    before, backup, version = dump(old), backup_of(old), version_of(old)
    summing = f"lossatlas.atlas.{ {1: 'statements', 2: 'version_2'}[version] }"
    for module, name, call in (
        ("lossatlas.atlas.upgrade", "_flush", 1),  # copied
        ("lossatlas.atlas.upgrade", "_flush", 2),  # and renamed
        (summing, "checksum", 1),
        (summing, "checksum", {1: 900, 2: 100}[version]),
        ("lossatlas.atlas.contents", "replace_meta", 1),  # before the end of the transaction
    ):
        died = run_python(DIE, old, module, name, call)
        assert died.returncode == -9, died.stderr
        assert version_of(old) == version
    with opened(old) as atlas:
        check_content(atlas, backup)
    assert dump(backup) == before
    assert not list(old.parent.glob("*unfinished*"))
    assert not list(old.parent.glob("*version-?.2"))


LIMITED = """
import resource, sys
from lossatlas.atlas import Atlas
from lossatlas.errors import AtlasError

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    Atlas.open(sys.argv[1])
except AtlasError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits of file sizes")
@pytest.mark.parametrize(
    ("bytes_more", "message"), [(-10_000, r"version-\d.unfinished cannot be"), (2_000, "the disk")]
)
def test_a_full_disk_changes_nothing(old, bytes_more, message):
    before, backup, bytes_allowed = dump(old), backup_of(old), old.stat().st_size + bytes_more
    ran = run_python(LIMITED, old, bytes_allowed)
    assert re.search(message, ran.stdout), ran.stderr
    assert dump(old) == before
    assert not list(old.parent.glob("*unfinished*"))
    with opened(old) as atlas:
        check_content(atlas, backup)


def test_two_programs_that_open_it_at_once_upgrade_it_once(old):
    program = (
        "import sys; from lossatlas.atlas import Atlas; Atlas.open(sys.argv[1]); print('done')"
    )
    backup, command = backup_of(old), [sys.executable, "-W", "ignore", "-c", program, str(old)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [program.communicate()[0] for program in running] == ["done\n"] * 3
    assert list(old.parent.glob("*version-*")) == [backup]
    with Atlas.open(old) as atlas:
        check_content(atlas, backup)


def test_a_backup_never_takes_the_place_of_another_file(old):
    taken = backup_of(old)
    taken.write_text("mine")
    opened(old).close()
    assert taken.read_text() == "mine"
    with warnings.catch_warnings(), opened(old.with_name(f"{taken.name}.2")) as atlas:
        assert atlas.check() == ()


def test_an_old_atlas_that_cannot_be_written_is_to_be_copied(old, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    version = version_of(old)
    message = rf"schema version {version}.*copy it to a folder of your own"
    with pytest.raises(BadInputError, match=message):
        Atlas.open(old)
    assert version_of(old) == version


def test_a_program_with_the_old_tables_open_is_waited_for(old):
    with closing(sqlite3.connect(old, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(AtlasError, match="another program keeps it locked"):
            Atlas.open(old, seconds=0.1)
    opened(old).close()


def copied_to(url: str, old: Path) -> None:
    """The same atlas as version 1 would have it in another database."""
    source, target = create_engine(f"sqlite:///{old}"), create_engine(url)
    tables = MetaData()
    tables.reflect(source)
    for table in tables.tables.values():
        for column in table.columns:
            column.type = column.type.as_generic()
    tables.create_all(target)
    with source.connect() as reading, target.begin() as writing:
        for table in tables.sorted_tables:
            rows = [dict(row) for row in reading.execute(select(table)).mappings()]
            writing.execute(insert(table), rows)
    source.dispose()
    target.dispose()


@pytest.mark.postgresql
def test_an_atlas_in_postgresql_keeps_its_old_tables(postgresql_database, old):
    copied_to(postgresql_database, old)
    with opened(postgresql_database) as atlas:
        check_content(atlas, old)
        with atlas.reading() as connection:
            kept_in = upgrade.KEPT_IN.format(version=version_of(old))
            assert set(inspect(connection).get_table_names(kept_in)) == KEPT[version_of(old)]
            kept = f"SELECT count(*) FROM {kept_in}.attempt"
            assert connection.exec_driver_sql(kept).scalar_one() == len(atlas.attempts())
    with Atlas.open(postgresql_database) as again:
        assert again.status()["minima"] == 4


@pytest.mark.postgresql
def test_an_upgrade_in_postgresql_that_fails_changes_nothing(postgresql_database, old, monkeypatch):
    copied_to(postgresql_database, old)

    def fail(*_: object) -> None:
        raise AtlasError("the power failed")

    with monkeypatch.context() as patched:
        patched.setattr("lossatlas.atlas.contents.replace_meta", fail)
        with pytest.raises(AtlasError, match="the power failed"):
            Atlas.open(postgresql_database)
    with opened(postgresql_database) as atlas:
        check_content(atlas, old)


@pytest.mark.postgresql
def test_who_may_not_create_a_schema_is_told_what_to_ask_for(postgresql_database, old):
    copied_to(postgresql_database, old)
    admin = create_engine(postgresql_database, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        user = f"user_{make_url(postgresql_database).database}"
        connection.exec_driver_sql(f"CREATE ROLE {user} LOGIN")
        connection.exec_driver_sql(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {user}")
        url = make_url(postgresql_database).set(username=user).render_as_string()
        with pytest.raises(AtlasError, match="GRANT CREATE ON DATABASE"):
            Atlas.open(url)
        connection.exec_driver_sql(f"DROP OWNED BY {user}")
        connection.exec_driver_sql(f"DROP ROLE {user}")
    admin.dispose()
