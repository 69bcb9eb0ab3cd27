"""Whatever is changed behind the program's back is found and named."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from atlas_points import End, attempt, network_point, pathway, problem, symmetry_copy
from hypothesis import given, strategies as st
from sqlalchemy import Boolean, event, select

from lossatlas.atlas import Atlas, schema
from lossatlas.atlas.checksums import checksum, covered
from lossatlas.atlas.integrity import check
from lossatlas.atlas.neighbors import NeighborLists, write_neighbors
from lossatlas.errors import AtlasError, Status
from lossatlas.search.outcome import Pathway

SUMMED = [table for table in schema.metadata.sorted_tables if "checksum" in table.c]


def fill(atlas: Atlas) -> None:
    """Rows of every table with every kind of value."""
    rng = np.random.default_rng(3)
    a, b, c = (network_point(rng) for _ in range(3))
    via, state, wide = (network_point(rng, index=1) for _ in range(3))
    below = network_point(rng, index=2)
    ends = (End(0, a), End(1, b, below, directions=11), End(1, c, below, directions=11))
    run_id = atlas.start_run({"minutes": 1}, 0, {}, "cpu")
    found = [
        attempt(
            minima=[a, b, symmetry_copy(rng, a)], strategy="independent-minima", stream="minima"
        ),
        attempt(origins=(1,), pathways=[pathway(via, a, a), pathway(state, a, b, via=via)]),
        attempt(origins=(1, 2), pathways=[Pathway(wide, ends)], hits=(1,)),  # type: ignore[arg-type]
        attempt(status=Status.WRONG_INDEX, failures={Status.WRONG_INDEX: 2}, what="mode 3"),
        attempt(pathways=[pathway(symmetry_copy(rng, state), c, a)], round=2, as_of=3, width=24),
    ]
    atlas.commit(run_id, found[:2], "first")
    atlas.commit(run_id, found[2:], "second")
    atlas.set_property("test_auc", {1: 0.5, 2: np.nan})
    lists = np.array([[-1, -1], [1, -1], [1, 2]]), np.array([[np.inf] * 2, [0.5, np.inf], [2, 3.0]])
    with atlas.writing() as connection:
        write_neighbors(connection, NeighborLists(np.arange(1, 4), *lists))


def test_no_check_compares_every_row_with_every_other_one(tmp_path):
    """Tables that are joined are joined by an index, which SQLite may have to make."""
    plans: list[str] = []

    def explain(connection, cursor, statement, parameters, *_):
        if "JOIN" in statement:
            with closing(cursor.connection.cursor()) as own:
                rows = own.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            plans.append("\n".join(row[-1] for row in rows))

    with Atlas.create(tmp_path / "a.atlas", problem()) as atlas:
        fill(atlas)
        with atlas.reading() as connection:
            event.listen(connection, "before_cursor_execute", explain)
            assert check(connection) == ()
    assert len(plans) >= 6
    for plan in plans:
        joined = [line for line in plan.splitlines() if "LEFT-JOIN" in line]
        assert joined, plan
        assert all(line.startswith("SEARCH") for line in joined), plan


@pytest.fixture(scope="module")
def intact(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("intact") / "a.atlas"
    with Atlas.create(path, problem()) as atlas:
        fill(atlas)
        assert atlas.check() == ()
        with atlas.reading() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def damaged(intact: Path, folder: Path, *statements: str) -> tuple[str, ...]:
    """What is found after some SQL that no constraint stops."""
    path = Path(shutil.copy(intact, folder / "a.atlas"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        for statement in statements:
            assert connection.execute(statement).rowcount > 0
        connection.commit()
    with Atlas.open(path) as atlas:
        return atlas.check()


def test_an_intact_atlas_passes_on_every_database(atlas):
    fill(atlas)
    assert atlas.check() == ()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE minimum SET energy = energy + 1e-15 WHERE id = 2", "minimum 2: changed"),
        ("UPDATE minimum SET weights = zeroblob(592) WHERE id = 1", "minimum 1: changed"),
        ("UPDATE minimum SET invariants = 'text' WHERE id = 1", "minimum 1: changed"),
        ("UPDATE minimum SET log_determinant = NULL WHERE id = 1", "minimum 1: changed"),
        ("UPDATE minimum SET outside = 1 WHERE id = 3", "minimum 3: changed"),
        ("UPDATE minimum SET outside = 2 WHERE id = 3", "minimum 3: changed"),
        ("UPDATE minimum SET checksum = 0 WHERE id = 3", "minimum 3: changed"),
        ("UPDATE minimum SET times_found = 9 WHERE id = 2", "times_found is 9, .* met it 3 times"),
        ("UPDATE transition_state SET times_found = 1 WHERE id = 1", "transition state 1: times_f"),
        (
            "UPDATE transition_state SET orbit_size = '7' WHERE id = 1",
            "transition state 1: changed",
        ),
        ("UPDATE link SET minimum = 1 WHERE minimum = 3", r"link \(transition state 3, side"),
        ("UPDATE link SET tolerance = 1 WHERE minimum = 3", "link .*minimum 3.: changed"),
        ("UPDATE link SET side = 0 WHERE minimum = 3", "minimum 3.: changed"),
        ("DELETE FROM link WHERE side = 1 AND transition_state = 1", "no link on its side 1"),
        ("DELETE FROM link", "transition state 3: there is no link on its side 0"),
        ("UPDATE attempt SET strategy = 'magic' WHERE id = 1", "attempt 1: changed"),
        ("UPDATE attempt SET failures = '{\"WRONG_INDEX\": 1}' WHERE id = 4", "attempt 4: changed"),
        ("UPDATE attempt SET failures = '{WRONG' WHERE id = 4", "attempt 4: changed"),
        ("UPDATE attempt SET new_minima = 7 WHERE id = 1", "attempt 1: new_minima is 7, .* are 2"),
        ("UPDATE attempt SET conflicts = 0 WHERE id = 5", "attempt 5: conflicts is 0, there are 1"),
        ("UPDATE attempt SET batch = 9 WHERE id = 5", "attempt 5: there is no batch 9"),
        ("DELETE FROM attempt WHERE id = 4", "batch 2: attempts is 3, there are 2"),
        ("DELETE FROM attempt WHERE id = 3", "attempt 3: it is missing"),
        ("DELETE FROM minimum WHERE id = 2", "minimum 2: it is missing"),
        ("DELETE FROM minimum WHERE id < 3", "minimum 1 and more: it is missing"),
        ("DELETE FROM batch WHERE id = 1", "batch 1: it is missing"),
        ("DELETE FROM attempt WHERE id = 1", "there is no attempt 1, which it refers to"),
        ("DELETE FROM attempt_point WHERE attempt = 1", "minimum 1: times_found is"),
        ("UPDATE attempt_point SET minimum = 3 WHERE minimum = 2", "attempt point .*: changed"),
        ("UPDATE batch SET key = 'third' WHERE id = 2", "batch 2: changed"),
        ("UPDATE batch SET run_id = 5 WHERE id = 2", "batch 2: there is no run 5"),
        ("DELETE FROM minimum WHERE id = 3", "there is no minimum 3, which it refers to"),
        ("UPDATE property SET value = 0.25 WHERE minimum_id = 1", "property .minimum id 1, name t"),
        ("UPDATE link SET directions = 8 WHERE minimum = 3", "link .*minimum 3.: changed"),
        ("UPDATE neighbors SET distances = zeroblob(8) WHERE minimum = 2", "minimum 2.: changed"),
        ("UPDATE neighbors SET candidates = zeroblob(8) WHERE minimum = 1", "1: there is not one"),
        ("UPDATE neighbors SET candidates = 'text' WHERE minimum = 2", "2: there is not one dist"),
        ("UPDATE neighbors SET minimum = 9 WHERE minimum = 3", "there is no minimum 9, which it"),
        ("DELETE FROM minimum WHERE id = 2", "neighbors of minimum 3: 2 is not an earlier minimum"),
        ("UPDATE array SET content = x'00'", "array .*: changed"),
        ("DELETE FROM array", "array train_inputs: it is missing"),
    ],
)
def test_damage_is_found_and_named(intact, tmp_path, statement, expected):
    found = damaged(intact, tmp_path, statement)
    assert any(re.search(expected, text) for text in found), found


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE meta SET value = '{' WHERE key = 'arrays'", "meta of the atlas is damaged"),
        ("DELETE FROM meta WHERE key = 'arrays'", "its entry arrays is missing"),
        ("UPDATE attempt SET status = 'MAGIC' WHERE id = 1", "status 'MAGIC'"),
        ("DELETE FROM minimum WHERE id = 1", "there is no minimum 1, which a link"),
        ("DELETE FROM array", "the array train_inputs of the atlas is missing"),
        ("UPDATE array SET content = x'00'", "array train_inputs of the atlas was changed"),
    ],
)
def test_what_cannot_be_read_any_more_is_named(intact, tmp_path, statement, expected):
    path = Path(shutil.copy(intact, tmp_path / "a.atlas"))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(statement).rowcount > 0
        connection.commit()

    def read() -> None:
        with Atlas.open(path) as atlas:
            assert atlas.problem.arrays
            atlas.status()

    with pytest.raises(AtlasError, match=expected):
        read()


def test_rows_that_change_places_are_found(intact, tmp_path):
    moves = [f"UPDATE minimum SET id = {b} WHERE id = {a}" for a, b in ((1, 9), (2, 1), (9, 2))]
    found = damaged(intact, tmp_path, *moves)
    assert {"minimum 1: changed", "minimum 2: changed"} <= {t.split(" since")[0] for t in found}


def test_a_long_list_is_cut_short(tmp_path):
    path = tmp_path / "a.atlas"
    rng = np.random.default_rng(1)
    with Atlas.create(path, problem()) as atlas:
        run_id = atlas.start_run({}, 0, {}, "cpu")
        atlas.commit(run_id, [attempt(minima=[network_point(rng)]) for _ in range(50)], "1")
    (tmp_path / "b").mkdir()
    found = damaged(path, tmp_path / "b", "UPDATE attempt SET what = 'other'")
    assert len(found) == 21
    assert found[-1] == "... and 30 more rows of this kind"


@pytest.mark.parametrize("table", SUMMED, ids=lambda table: table.name)
def test_no_value_of_any_row_can_change_without_another_checksum(intact, table):
    with Atlas.open(intact) as atlas, atlas.reading() as connection:
        rows = [dict(row) for row in connection.execute(select(table)).mappings()]
    assert rows
    for row in rows:
        assert checksum(table, row) == row["checksum"]
        for name in covered(table):
            for other in others(table.c[name].type, row[name]):
                assert checksum(table, {**row, name: other}) != row["checksum"], (name, other)


def others(kind, value):
    """Values that a row may hold by mistake in place of its own."""
    if isinstance(kind, Boolean):
        return [not value, None]
    if isinstance(value, int):
        return [value + 1, -value - 1, None, str(value)]
    if isinstance(value, float):
        return [np.nextafter(value, 9.0), -value - 1.0, None]
    if isinstance(value, bytes):
        changed = [value[:-1], bytes([value[0] ^ 1]) + value[1:], b""] if value else []
        return [*changed, value + b"\0"]
    if isinstance(value, str):
        return [value + " ", value[1:] if value else "x", None]
    return [0, "", 0.0] if value is None else [{**value, "more": 1}]


def test_a_value_is_the_same_whatever_type_a_program_or_a_driver_gives_it():
    """Numbers of NumPy and bytes as PostgreSQL's drivers have them."""
    row = {"minimum_id": 1, "name": "a", "data_hash": "b", "value": 0.25}
    table = schema.property_value
    assert checksum(table, row) == checksum(table, {**row, "value": np.float64(0.25)})
    assert checksum(table, row) == checksum(table, {**row, "name": np.str_("a")})
    assert checksum(table, {**row, "value": True}) == checksum(table, {**row, "value": 1})
    bytes_of = {**row, "value": b"xyz"}
    assert checksum(table, bytes_of) == checksum(table, {**row, "value": memoryview(b"xyz")})
    assert checksum(table, bytes_of) != checksum(table, {**row, "value": "xyz"})


@given(st.lists(st.one_of(st.none(), st.text(), st.integers(0, 9), st.floats(0, 9)), max_size=4))
def test_zeros_are_equal_and_neighbors_never_run_into_each_other(values):
    row = {"minimum_id": 1, "name": "a", "data_hash": "b", "value": 0.0}
    table = schema.property_value
    assert checksum(table, row) == checksum(table, {**row, "value": -0.0})
    assert checksum(table, {**row, "name": "ab", "data_hash": ""}) != checksum(table, row)
    for value in values:
        same = isinstance(value, float) and value == 0.0
        assert (checksum(table, {**row, "value": value}) == checksum(table, row)) == same
