"""`verify` finds what is not as stored, and says how much it has checked."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest

from lossatlas.atlas import Atlas, Attempt, Problem
from lossatlas.errors import BadInputError
from lossatlas.exploration import ExploreOptions, grow, verify
from lossatlas.exploration.claims import BY_CONVENTION, UNKNOWN, End, agree, in_words, read_claims
from lossatlas.exploration.recomputing import CONFIRMING, stricter
from lossatlas.exploration.verification import _Checked
from lossatlas.landscape import FunctionLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.certify import certified
from lossatlas.search.outcome import Outcome
from lossatlas.search.pathway import follow
from lossatlas.search.tools import default_tools


def wells(w):
    """Three wells in a row, of different depth, in a valley that is symmetric in y."""
    x, y = w
    return (x**2 - 1) ** 2 * x**2 + 0.03 * x + 0.5 * y**2


@pytest.fixture(scope="module")
def landscape():
    mirror = np.array([np.eye(2), np.diag([1.0, -1.0])])
    return FunctionLandscape(wells, [-2] * 2, [2] * 2, "wells", symmetry=mirror, length_scale=0.3)


@pytest.fixture(scope="module")
def explored(landscape, tmp_path_factory):
    path = tmp_path_factory.mktemp("verification") / "wells.atlas"
    with Atlas.create(path, Problem(landscape.fingerprint())) as atlas:
        grow(landscape, atlas, ExploreOptions(minutes=2))
        assert atlas.status()["transition_states"] == 2
    return path


@pytest.fixture
def changed(explored, tmp_path):
    """A copy of the atlas with some rows changed; checksums no longer fit, which is reported."""

    def change(*statements):
        path = tmp_path / "changed.atlas"
        path.write_bytes(explored.read_bytes())
        with closing(sqlite3.connect(path)) as connection:
            for statement in statements:
                assert connection.execute(statement).rowcount > 0, statement
            connection.commit()
        return Atlas.open(path)

    return change


def of_the_landscape(found):
    """The failures that needed the landscape to be found."""
    return [text for text in found.failures if "checksum" not in text and "times_found" not in text]


def test_a_good_atlas_has_no_failures(landscape, explored):
    reports = []
    with Atlas.open(explored) as atlas:
        found = verify(landscape, atlas, report=lambda *numbers: reports.append(numbers))
    assert found == (3, 2, 4, (), False, 0, 0, ())
    assert reports == [(k, 5) for k in range(1, 6)]


def test_a_search_is_trusted_only_on_request_and_where_it_was_as_tight(landscape, explored):
    tight = stricter(default_tools(landscape))
    with Atlas.open(explored) as atlas:
        assert verify(landscape, atlas, trust_confirmed=True)[2:] == (4, (), False, 0, 0, ())
    path = explored.with_name("tight.atlas")
    with Atlas.create(path, Problem(landscape.fingerprint())) as atlas:
        grow(landscape, atlas, ExploreOptions(minutes=2), tools=tight)
        assert verify(landscape, atlas)[2:] == (4, (), False, 0, 0, ())
        assert verify(landscape, atlas, trust_confirmed=True) == (3, 2, 0, (), False, 4, 0, ())


@pytest.mark.parametrize("end", ["minimum", "tolerance", "method"])
def test_links_of_unknown_tolerance_or_method_are_followed(landscape, changed, end):
    statement = {
        "minimum": "UPDATE link SET tolerance = 0.0 WHERE transition_state = 1 AND side = 0",
        "tolerance": "UPDATE link SET tolerance = NULL",
        "method": "UPDATE link SET tolerance = 0.0, method = 'other'",
    }[end]
    with changed(statement) as atlas:
        found = verify(landscape, atlas, trust_confirmed=True)
    assert (found.checked_links, found.trusted_links) == (4, 0)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "UPDATE link SET minimum = (SELECT max(id) FROM minimum WHERE id NOT IN (SELECT minimum"
            " FROM link WHERE transition_state = 1)) WHERE transition_state = 1 AND side = 0",
            "transition state 1: stored ends: ",
        ),
        (
            "INSERT INTO link (transition_state, side, minimum, method, checksum) SELECT "
            "transition_state, 1 - side, minimum, method, checksum FROM link"
            " WHERE transition_state = 2 AND side = 0",
            "transition state 2: stored ends: ",
        ),
        (
            "UPDATE link SET via = 1, via_index = 1 WHERE transition_state = 2 AND side = 1",
            "past transition state 1",
        ),
        (
            "UPDATE link SET via_index = 2 WHERE transition_state = 2 AND side = 1",
            "below a saddle of index 2",
        ),
        ("UPDATE minimum SET energy = energy + 1e-6 WHERE id = 1", "minimum 1: loss "),
        ("UPDATE transition_state SET energy = 2 * energy WHERE id = 2", "state 2: loss "),
        (
            "UPDATE minimum SET invariants = (SELECT invariants FROM minimum WHERE id = 2)"
            " WHERE id = 1",
            "minimum 1: the stored invariants are not those of the stored weights",
        ),
        (
            "UPDATE minimum SET weights = (SELECT weights FROM transition_state WHERE id = 1)"
            " WHERE id = 3",
            "minimum 3: Hessian index 1 instead of 0",
        ),
        ("UPDATE minimum SET log_determinant = log_determinant + 0.1 WHERE id = 2", "log-determin"),
        ("UPDATE transition_state SET orbit_size = '7' WHERE id = 1", "stored 7"),
        ("UPDATE minimum SET outside = 1 WHERE id = 2", "minimum 2: it lies inside"),
        ("UPDATE minimum SET lowest_eigenvalue = 3.5 WHERE id = 2", "is not the first of the sto"),
        (
            "UPDATE minimum SET lowest_eigenvalues = (SELECT lowest_eigenvalues FROM minimum WHERE"
            " id = 3) WHERE id = 2",
            "minimum 2: lowest eigenvalues ",
        ),
        (
            "INSERT INTO minimum SELECT 4, energy, rms_gradient, lowest_eigenvalue, "
            "log_determinant, uncertainty, outside, orbit_size, times_found, checksum, "
            "lowest_eigenvalues, invariants, weights FROM minimum WHERE id = 2",
            "minimum 4: it is the same point as minimum 2",
        ),
    ],
)
def test_what_is_not_as_stored_is_named(landscape, changed, statement, expected):
    with changed(statement) as atlas:
        found = verify(landscape, atlas)
    assert any(expected in text for text in of_the_landscape(found)), found.failures
    assert any("checksum" in text for text in found.failures)


def test_a_transition_state_that_lost_a_side_is_left_out(landscape, changed):
    with changed("DELETE FROM link WHERE transition_state = 1 AND side = 1") as atlas:
        found = verify(landscape, atlas)
        assert (found.checked_transition_states, found.checked_links) == (1, 2)
        assert "transition state 1: there is no link on its side 1" in found.failures
        with pytest.raises(BadInputError, match="no transition state 1 with links on both sides"):
            verify(landscape, atlas, transition_states=[2, 1])


def test_links_of_a_lost_transition_state_are_left_out(landscape, changed):
    with changed("DELETE FROM transition_state WHERE id = 1") as atlas:
        found = verify(landscape, atlas)
    assert (found.checked_transition_states, found.checked_links) == (1, 2)
    assert any("there is no transition state 1" in text for text in found.failures)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sample": 0}, "verify: sample: 0 is not a whole number, 1 or more"),
        ({"sample": 1.5}, "verify: sample: 1.5 is not a whole number"),
        ({"sample": True}, "verify: sample: True is not a whole number"),
        ({"seed": -1}, "verify: seed: -1 is not a whole number from 0"),
        ({"seed": None}, "verify: seed: None is not a whole number"),
        ({"transition_states": [1, 77]}, "has no transition state 77"),
        ({"flow": True, "trust_confirmed": True}, "verify: trust_confirmed: the links"),
    ],
)
def test_what_cannot_be_asked(landscape, explored, arguments, message):
    with Atlas.open(explored) as atlas, pytest.raises(BadInputError, match=message):
        verify(landscape, atlas, **arguments)


def test_an_interrupted_verification_says_how_much_it_checked(landscape, explored, monkeypatch):
    def made(self, minima, links):
        yield _Checked("transition_state", 2, ["transition state 2: not stationary"], 2)
        raise KeyboardInterrupt

    with Atlas.open(explored) as atlas:
        monkeypatch.setattr("lossatlas.exploration.verification._Checks.made", made)
        found = verify(landscape, atlas)
    assert found == (0, 1, 2, ("transition state 2: not stationary",), True, 0, 0, ())


def test_which_side_is_which_has_no_meaning(landscape, changed):
    with changed("UPDATE link SET side = 1 - side") as atlas:
        with atlas.reading() as connection:
            claims = read_claims(connection)
            assert read_claims(connection, [2]) == claims[1:]
        found = verify(landscape, atlas)
    assert [claim.rows for claim in claims] == [2, 2]
    assert of_the_landscape(found) == []


def crossroads(w):
    """A double well in x; both bottoms are hilltops in y and z, with two kinds of minima around."""
    x, y, z = w
    rest = sum((0.5 - x**2) * r**2 + r**4 for r in (y, z))
    return (x**2 - 1) ** 2 + 0.1 * x + rest + 0.01 * y * z


@pytest.fixture(scope="module")
def at_crossroads(tmp_path_factory):
    """The path along x runs into hilltops of index two; one transition state joins four minima."""
    turned = np.array([np.eye(3), np.diag([1.0, -1.0, -1.0])])
    landscape = FunctionLandscape(
        crossroads, [-1.5] * 3, [1.5] * 3, "crossroads", symmetry=turned, length_scale=0.5
    )
    tools = default_tools(landscape)

    def search():
        certificate = yield from certified(tools, np.zeros(3))
        assert certificate.point is not None
        return (yield from follow(tools, certificate.point, certificate.modes[0]))

    ((_, followed),) = Engine(landscape.surface).run([search()])
    outcome = Outcome(followed.status, followed.cost, pathways=followed.pathways)
    path = tmp_path_factory.mktemp("crossroads") / "crossroads.atlas"
    with Atlas.create(path, Problem(landscape.fingerprint())) as atlas:
        run = atlas.start_run({}, 0, {}, "cpu")
        atlas.commit(run, [Attempt("by hand", (), "", outcome)], "1")
        with atlas.reading() as connection:
            most = max(read_claims(connection), key=lambda claim: claim.rows)
    assert [len(side) for side in most.sides] == [2, 2]
    assert {end.via_index for side in most.sides for end in side} == {2}
    return landscape, path, most.id


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE link SET side = 1 - side", None),
        ("UPDATE link SET directions = NULL", None),  # an atlas of an earlier version
        (
            "DELETE FROM link WHERE (transition_state, side, minimum) IN (SELECT transition_state,"
            " side, min(minimum) FROM link WHERE transition_state = {state} AND side = 1)",
            "stored ends: ",
        ),
        (
            "UPDATE link SET via_index = 3 WHERE transition_state = {state} AND side = 1",
            "stored ends: ",
        ),
        ("UPDATE link SET via_index = NULL, directions = NULL", "stored ends: "),
    ],
)
def test_all_minima_below_a_saddle_of_index_two_are_compared(
    at_crossroads, tmp_path, statement, expected
):
    landscape, original, state = at_crossroads
    path = tmp_path / "changed.atlas"
    path.write_bytes(original.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(statement.format(state=state)).rowcount > 0
        connection.commit()
    with Atlas.open(path) as atlas:
        found = verify(landscape, atlas, transition_states=[state])
    wrong = of_the_landscape(found)
    assert len(wrong) == (expected is not None), wrong
    assert expected is None or f"transition state {state}: {expected}" in wrong[0]


def test_paths_that_go_on_from_a_saddle_are_not_trusted(at_crossroads, tmp_path):
    """The tolerance of a link is that of the path to the saddle, not of those from there."""
    landscape, original, state = at_crossroads
    path = tmp_path / "changed.atlas"
    path.write_bytes(original.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE link SET tolerance = 0.0")
        connection.commit()
    with Atlas.open(path) as atlas:
        found = verify(landscape, atlas, transition_states=[state], trust_confirmed=True)
    assert (found.checked_links, found.trusted_links) == (4, 0)


def test_the_ode_solver_finds_the_same_ends_at_crossroads(at_crossroads):
    landscape, path, _ = at_crossroads
    with Atlas.open(path) as atlas:
        found = verify(landscape, atlas, flow=True)
    assert found.failures == ()
    assert found.checked_links > 2 * found.checked_transition_states


def side(*ends):
    return frozenset(ends)


@pytest.mark.parametrize(
    ("stored", "found", "same"),
    [
        ((side(End(1)), side(End(2))), (side(End(2)), side(End(1))), True),
        ((side(End(1)), side(End(1))), (side(End(1)), side(End(2))), False),
        ((side(End(1)), side(End(1))), (side(End(1)), side(End(UNKNOWN))), False),
        (
            (side(End(1)), side(End(2, 2), End(3, 2))),
            (side(End(3, 2), End(2, 2)), side(End(1))),
            True,
        ),
        ((side(End(1)), side(End(2, 2))), (side(End(3, 2), End(2, 2)), side(End(1))), False),
        ((side(End(1)), side(End(2, 2), End(3, 2))), (side(End(1)), side(End(2, 2))), False),
        ((side(End(1)), side(End(2, 2))), (side(End(1)), side(End(2, 3))), False),
        ((side(End(1)), side(End(2, 1, 7))), (side(End(1)), side(End(2, 1, 8))), False),
        # One minimum was stored by a convention: any will do below a saddle of that index.
        (
            (side(End(1)), side(End(BY_CONVENTION, 2))),
            (side(End(3, 2), End(2, 2)), side(End(1))),
            True,
        ),
        ((side(End(1)), side(End(BY_CONVENTION, 2))), (side(End(3)), side(End(1))), False),
    ],
)
def test_sides_are_compared_as_sets(stored, found, same):
    assert agree(stored, found) is same
    assert in_words(stored)


def test_confirming_paths_are_tighter_in_every_respect(landscape):
    search = default_tools(landscape)
    confirming = stricter(search)
    assert 0 < CONFIRMING <= 0.5
    for own, other in zip(confirming.flow_tolerance, search.flow_tolerance, strict=True):
        assert own == CONFIRMING * other
    assert confirming.newton_ball < search.newton_ball
    assert confirming.largest_spread <= search.largest_spread


def test_a_verification_that_was_cut_off_goes_on(landscape, explored, changed, tmp_path):
    """What was as stored is not computed again, unless its row or its links have changed since."""
    path = tmp_path / "verified"
    with Atlas.open(explored) as atlas:
        first = verify(landscape, atlas, sample=1, seed=1, resume=path)
        assert first[:3] == (1, 1, 2)
        assert verify(landscape, atlas, resume=path)[:3] == (2, 1, 2)
        done = verify(landscape, atlas, resume=path)
        assert (done[:3], done.resumed) == ((0, 0, 0), 5)
        path.write_bytes(path.read_bytes()[:-20])  # killed while it wrote
        assert verify(landscape, atlas, resume=path).resumed == 4
        assert verify(landscape, atlas, resume=path).resumed == 5
        with pytest.raises(BadInputError, match="another way of verifying"):
            verify(landscape, atlas, flow=True, resume=path)
        for content in ("nonsense\n", "[]\n", "{}\n"):
            (tmp_path / "other").write_text(content)
            with pytest.raises(BadInputError, match="verif"):
                verify(landscape, atlas, resume=tmp_path / "other")
            assert (tmp_path / "other").read_text() == content
        with pytest.raises(BadInputError, match="No such file"):
            verify(landscape, atlas, resume=tmp_path / "none" / "file")
    rewritten = (
        "UPDATE minimum SET energy = energy + 1e-6, checksum = 5 WHERE id = 1",
        "UPDATE link SET method = 'other', checksum = 7 WHERE transition_state = 2 AND side = 0",
    )
    with changed(*rewritten) as atlas:
        found = verify(landscape, atlas, resume=path)
    assert (found[:2], found.resumed) == ((1, 1), 3)
    assert any("minimum 1: loss " in text for text in found.failures)


def test_threads_of_an_executor_verify_the_same(landscape, explored, changed):
    statement = "UPDATE minimum SET energy = energy + 1e-6 WHERE id = 1"
    with ThreadPoolExecutor(2) as executor:
        with Atlas.open(explored) as atlas:
            assert verify(landscape, atlas, executor=executor) == verify(landscape, atlas)
        with changed(statement) as atlas:
            found = verify(landscape, atlas, executor=executor)
            assert found == verify(landscape, atlas)
    assert found.failures
