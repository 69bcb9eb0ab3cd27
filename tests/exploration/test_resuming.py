"""An exploration that was cut short anywhere goes on as if it had not been."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from explored import explore, rough_landscape

from lossatlas.atlas import Atlas
from lossatlas.errors import Status
from lossatlas.exploration import Key, Strategy, Task
from lossatlas.exploration.resuming import Restart
from lossatlas.exploration.view import Observer
from lossatlas.lanes.requests import Found
from lossatlas.search import Cost, Outcome

WANTED = 400
"""Transition states after some thirty rounds."""


@pytest.fixture(scope="module")
def landscape():
    return rough_landscape()


@pytest.fixture(scope="module")
def whole(landscape, tmp_path_factory):
    """The path of an exploration that nothing cut short."""
    path = tmp_path_factory.mktemp("whole") / "whole.atlas"
    explore(landscape, path, transition_states=WANTED)
    assert content(path)["attempt"][-1][1] >= 25  # rounds
    return path


COLUMNS = {
    "minimum": "id, energy, weights",
    "transition_state": "id, energy, weights",
    "link": "transition_state, side, minimum, via, method",
    "attempt": "id, round, as_of, width, strategy, what, part, stream, status, gradients, "
    "hessians, new_minima, new_transition_states",
    "attempt_point": "attempt, position, role, minimum, transition_state",
}


def content(path, last=None):
    """All rows by table, up to an attempt; without counters, batches and runs."""
    with closing(sqlite3.connect(path)) as connection:
        rows = {
            name: connection.execute(f"SELECT {columns} FROM {name}").fetchall()
            for name, columns in COLUMNS.items()
        }
    if last is not None:
        rows["attempt"] = [row for row in rows["attempt"] if row[0] <= last]
        rows["attempt_point"] = [row for row in rows["attempt_point"] if row[0] <= last]
        for name, counted in (("minimum", -2), ("transition_state", -1)):
            rows[name] = rows[name][: sum(row[counted] for row in rows["attempt"])]
        kept = {row[0] for row in rows["transition_state"]}
        rows["link"] = [row for row in rows["link"] if row[0] in kept]
    return rows


def cut(path, last):
    """Remove what was committed after an attempt, as if the program had been killed there."""
    kept = content(path, last)
    minima, states = len(kept["minimum"]), len(kept["transition_state"])
    limits = {
        "attempt": ("id", last),
        "attempt_point": ("attempt", last),
        "link": ("transition_state", states),
        "transition_state": ("id", states),
        "minimum": ("id", minima),
    }
    with closing(sqlite3.connect(path)) as connection, connection:
        for name, (column, limit) in limits.items():
            connection.execute(f"DELETE FROM {name} WHERE {column} > ?", (limit,))
        connection.execute("UPDATE run SET end_time = NULL, reason = NULL")


def names(rows):
    """What tells attempts apart: strategy, what and part, with the minima they started from."""
    origins = {row[0]: [] for row in rows["attempt"]}
    for attempt, _, role, minimum, _ in rows["attempt_point"]:
        if role == "origin":
            origins[attempt].append(minimum)
    return [(row[4], tuple(origins[row[0]]), row[5], row[6]) for row in rows["attempt"]]


def places(path):
    """Attempts to cut after: the first, within a chain, at the end of a round, within one."""
    attempts = content(path)["attempt"]
    rounds = np.array([row[1] for row in attempts])
    chains = [row[0] for row in attempts if row[4] == "basin-hopping" and row[6] == 2]
    end = int(np.flatnonzero(rounds == 4)[-1]) + 1
    return {"first": 1, "chain": chains[40], "end": end, "within": end + 7}


@pytest.mark.parametrize(
    "where",
    [
        *[pytest.param(where, marks=pytest.mark.slow) for where in ("first", "end")],
        *("chain", "within"),
    ],
)
def test_the_rest_is_what_it_would_have_been(landscape, whole, tmp_path, where):
    """Twenty rounds and more, field by field, checkpoints among them."""
    path, last = tmp_path / "cut.atlas", places(whole)[where]
    shutil.copy(whole, path)
    cut(path, last)
    assert len(content(path)["attempt"]) == last
    explore(landscape, path, transition_states=WANTED)
    assert content(path) == content(whole)


def test_a_limit_on_points_only_interrupts(landscape, whole, tmp_path):
    path = tmp_path / "steps.atlas"
    for wanted in (1, 20, 21, 90):
        explore(landscape, path, transition_states=wanted)
    assert content(path) == content(whole, last=len(content(path)["attempt"]))


KILLED = """
import sys
from explored import explore, rough_landscape
explore(rough_landscape(), sys.argv[1], transition_states=int(sys.argv[2]), workers=1)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_program_that_was_killed_goes_on(landscape, whole, tmp_path):
    path = tmp_path / "killed.atlas"
    script = [sys.executable, "-c", KILLED, str(path), str(WANTED)]
    with subprocess.Popen(script, cwd=Path(__file__).parent) as program:
        while program.poll() is None and _attempts(path) < 60:
            time.sleep(0.02)
        program.send_signal(signal.SIGKILL)
    assert program.returncode == -signal.SIGKILL
    assert 60 <= _attempts(path) < len(content(whole)["attempt"])
    explore(landscape, path, transition_states=WANTED)
    assert content(path) == content(whole)


def _attempts(path):
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT COUNT(*) FROM attempt").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def test_what_is_missing_among_the_last_is_made(landscape, whole, tmp_path):
    """As where time has cut an exploration off, and searches behind others were kept."""
    path, rows = tmp_path / "gap.atlas", content(whole)
    last = places(whole)["within"]
    shutil.copy(whole, path)
    cut(path, last)
    nothing_new = [row[0] for row in rows["attempt"][last - 30 : last - 1] if row[-2:] == (0, 0)]
    lost = [k for k in nothing_new if rows["attempt"][k - 1][4] != "basin-hopping"]
    assert len(lost) >= 2
    with closing(sqlite3.connect(path)) as connection, connection:
        for attempt in lost:
            connection.execute("DELETE FROM attempt WHERE id = ?", (attempt,))
            connection.execute("DELETE FROM attempt_point WHERE attempt = ?", (attempt,))
    explore(landscape, path, transition_states=120)
    made = Counter(names(content(path)))
    assert max(made.values()) == 1
    assert {names(rows)[k - 1] for k in lost} <= set(made)


def test_other_explorations_in_between_do_not_matter_to_the_rounds_in_flight(
    landscape, whole, tmp_path
):
    path, rows, last = tmp_path / "mixed.atlas", content(whole), places(whole)["within"]
    shutil.copy(whole, path)
    cut(path, last)
    known = len(content(path)["transition_state"])
    others = ["basin-hopping", "connect"]
    explore(landscape, path, transition_states=known + 30, seed=4, strategies=others)
    between = len(content(path)["attempt"])
    assert between > last + 20
    explore(landscape, path, transition_states=known + 60)
    after = content(path)
    own = [*after["attempt"][:last], *after["attempt"][between:]]
    rounds = [row[1] for row in own]
    assert rounds == sorted(rounds)  # they count on
    assert max(Counter(names(after)).values()) == 1
    # The rounds in flight were planned as they had been, but for what was made in between.
    number = rows["attempt"][last - 1][1]
    planned = {
        name for name, row in zip(names(rows), rows["attempt"], strict=True) if row[1] == number
    }
    assert planned <= set(names(after))
    assert {row[2] for row in own if row[1] == number} == {rows["attempt"][last - 1][2]}


def test_a_run_of_another_seed_width_or_strategies_begins_anew(landscape, whole, tmp_path):
    path = tmp_path / "new.atlas"
    shutil.copy(whole, path)
    last = places(whole)["end"]
    cut(path, last)
    explore(landscape, path, transition_states=len(content(path)["transition_state"]) + 2, seed=7)
    first = content(path)["attempt"][last]
    assert (first[1], first[2]) == (0, last)


def test_two_explorers_at_once_see_what_the_other_finds(landscape, tmp_path):
    path = tmp_path / "shared.atlas"
    explore(landscape, path, transition_states=1)
    with ThreadPoolExecutor(2) as threads:
        both = [
            threads.submit(explore, landscape, path, transition_states=60, seed=seed, workers=1)
            for seed in (5, 6)
        ]
        reasons = {one.result().reason for one in both}
    known = len(content(path)["transition_state"])
    explore(landscape, path, transition_states=known + 20, seed=5)
    with Atlas.open(path) as atlas:
        assert atlas.check() == ()
        view, points = Observer(atlas, landscape).view(), atlas.network(outside=True)
    assert reasons == {"number"}
    np.testing.assert_array_equal(view.component, points.components)
    query = "SELECT run_id, round FROM attempt JOIN batch ON batch.id = batch ORDER BY attempt.id"
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(query).fetchall()
        seeds = dict(connection.execute("SELECT id, seed FROM run"))
    rounds = {own: [number for run, number in rows if run == own] for own in (2, 3, 4)}
    assert all(len(own) > 10 and own == sorted(own) for own in rounds.values())
    continued = next(rounds[run] for run in (2, 3) if seeds[run] == 5)
    assert rounds[4][0] - continued[-1] in (0, 1)  # a round in part committed is completed
    assert rounds[4][-1] > continued[-1]


def test_an_exploration_that_had_nothing_left_to_try_sees_what_others_have_added(
    landscape, tmp_path
):
    path = tmp_path / "left.atlas"
    explore(landscape, path, minima=4, strategies=["basin-hopping"])
    assert explore(landscape, path, strategies=["degenerate"]).attempts == 4 * 32
    explore(landscape, path, minima=8, strategies=["basin-hopping"])
    assert explore(landscape, path, strategies=["degenerate"]).attempts == 4 * 32
    assert explore(landscape, path, strategies=["degenerate"]).attempts == 0


def several(tools, number):
    """A search that hands over three outcomes, and does not say so beforehand."""
    nothing = Outcome(Status.NO_CANDIDATE, Cost(number))
    yield Found(nothing)
    yield Found(nothing)
    return nothing


def propose(view):
    for number in range(100):
        yield Task(Key("own", (), f"{number}"), partial(several, number=number))


@pytest.mark.parametrize("last", [1, 2, 3, 35, 36, 37, 150, 299])
def test_searches_that_do_not_say_how_much_they_hand_over_are_made_again(landscape, tmp_path, last):
    own, (whole, path) = [Strategy("own", propose)], (tmp_path / name for name in "ab")
    for target in (whole, path):
        explore(landscape, target, strategies=own)
    cut(path, last)
    explore(landscape, path, strategies=own)
    assert content(path) == content(whole)
    assert len(content(path)["attempt"]) == 300


def test_rounds_are_planned_from_where_the_one_before_the_last_ended():
    restart = Restart(7, {7: 140, 8: 160}, {5: 140, 6: 160, 7: 185, 8: 190})
    assert [restart.as_of(k) for k in (7, 8, 9, 10, 11)] == [140, 160, 185, None, None]
    begun = Restart(0, {0: 30}, {0: 34})
    assert [begun.as_of(k) for k in (0, 1, 2)] == [30, 30, None]
    assert Restart().as_of(0) is None
