"""Functions as people bring them: periodic, with minima outside of the box, flat."""

import json
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq
from typer.testing import CliRunner

from lossatlas.atlas import Atlas, Problem
from lossatlas.errors import Status
from lossatlas.exploration import ExploreOptions, grow, verify
from lossatlas.exploration.catalog import chosen
from lossatlas.exploration.planner import plan_round
from lossatlas.exploration.tried import Tried
from lossatlas.exploration.view import Observer
from lossatlas.landscape import FunctionLandscape
from lossatlas.program import app

TURN = 2.0 * np.pi


def explored(folder, landscape, **options):
    """The path of an atlas of the landscape, and how its exploration ended."""
    path = folder / f"{landscape.name}.atlas"
    with Atlas.create(path, Problem(landscape.fingerprint())) as atlas:
        return path, grow(landscape, atlas, ExploreOptions(minutes=4, **options))


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def stationary(slope, low, high, count=1000):
    """The zeros of a function of one variable, by their changes of sign on a grid."""
    grid = np.linspace(low, high, count)
    values = slope(grid)
    changes = np.flatnonzero(values[:-1] * values[1:] < 0)
    return [brentq(slope, grid[k], grid[k + 1]) for k in changes]


def angles(w):
    return jnp.cos(w[0]) + jnp.cos(w[1]) + 0.9 * jnp.cos(2 * w[0] + 1)


def test_a_periodic_function_has_one_set_of_points(tmp_path):
    """The sum of two functions of one angle each: its points are pairs of theirs."""
    landscape = FunctionLandscape(angles, [-4, -4], [4, 4], "angles", period=[TURN, TURN])
    path, done = explored(tmp_path, landscape)

    def bend(x):
        return -np.cos(x) - 3.6 * np.cos(2 * x + 1)

    first = stationary(lambda x: -np.sin(x) - 1.8 * np.sin(2 * x + 1), 0.01, TURN + 0.01)
    second = [(np.pi, -1.0, False), (0.0, 1.0, True)]
    energies = {False: [], True: []}
    for x in first:
        for _, energy, is_maximum in second:
            index = int(bend(x) < 0) + int(is_maximum)
            if index < 2:
                value = np.cos(x) + 0.9 * np.cos(2 * x + 1) + energy
                energies[index == 1].append(float(value))
    with Atlas.open(path) as atlas:
        minima, states = atlas.minima(), atlas.transition_states()
        weights = atlas.minimum_weights(minima["id"])
        assert verify(landscape, atlas).failures == ()
    assert done.reason == "nothing new"
    assert len(energies[False]) == 2
    np.testing.assert_allclose(sorted(minima["loss"]), sorted(energies[False]), atol=1e-10)
    np.testing.assert_allclose(sorted(states["loss"]), sorted(energies[True]), atol=1e-10)
    # Over the top of the second angle a minimum is joined to its own translation.
    assert states["degenerate"].sum() == 2
    assert (np.abs(weights) <= np.pi + 1e-9).all(), "stored in the period around the box"


def slope(w):
    """Minima near w0 = -1, +1 and +3, the last the lowest; the box ends between the last two."""
    x = w[0]
    return 0.1 * (x**2 - 1) ** 2 * (x - 3) ** 2 - 0.1 * x + w[1] ** 2


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    landscape = FunctionLandscape(slope, [-2, -1], [2.5, 1], "beside", length_scale=0.5)
    folder = tmp_path_factory.mktemp("beside")
    return landscape, explored(folder, landscape, transition_states=2)[0]


def test_points_outside_of_the_box_are_left_out(beside):
    landscape, path = beside
    with Atlas.open(path) as atlas:
        inside, every = atlas.minima(), atlas.minima(outside=True)
        status = atlas.status()
        points = atlas.network()
        weights = atlas.minimum_weights(every["id"])
        states, all_states = atlas.transition_states(), atlas.transition_states(outside=True)
        assert verify(landscape, atlas).failures == ()
    assert (len(inside), len(every)) == (2, 3)
    np.testing.assert_array_equal(every["outside"], weights[:, 0] > 2.5)
    beyond = int(every["id"][every["outside"]].iloc[0])
    assert "outside" not in inside
    assert set(inside["id"]) == set(every["id"]) - {beyond}
    assert (status["minima"], status["outside_minima"]) == (3, 1)
    assert (status["transition_states"], status["outside_transition_states"]) == (2, 0)
    assert status["lowest_loss"] == inside["loss"].min() > every["loss"].min()
    # The state between the last two minima lies inside and leads out.
    assert (len(states), len(all_states)) == (1, 2)
    assert not all_states["outside"].any()
    assert points.minimum_ids.tolist() == inside["id"].tolist()
    assert points.transition_state_ids.tolist() == states["id"].tolist()
    assert sorted([*points.minimum_1, *points.minimum_2]) == [0, 1]


def test_no_search_begins_outside_of_the_box(beside):
    """Whatever the strategy; the minimum there has neighbors and soft modes like any other."""
    landscape, path = beside
    with Atlas.open(path) as atlas:
        every = atlas.minima(outside=True)
        beyond = int(every["id"][every["outside"]].iloc[0])
        view = replace(Observer(atlas, landscape).view(), tried=Tried())
        rounds = [plan_round(view, chosen(None), 0.3, 24) for _ in range(20)]
    tasks = [planned.task for one in rounds for planned in one]
    assert {task.key.strategy for task in tasks} >= {
        "basin-hopping",
        "single-ended",
        "perturbed",
        "between",
        "independent-saddles",
    }
    for task in tasks:
        assert beyond not in task.key.origins
        given = (*task.search.args, *task.search.keywords.values())
        weights = [x for x in given if isinstance(x, np.ndarray)]
        assert all(w[0] < 2.5 for w in weights)


def test_the_command_line_leaves_them_out_too(beside, tmp_path):
    path = beside[1]
    for command, left, every in (("minima", 2, 3), ("transition-states", 1, 2)):
        shown, full = run(command, path, "--json"), run(command, path, "--json", "--outside")
        rows, all_rows = json.loads(shown.stdout), json.loads(full.stdout)
        assert (len(rows), len(all_rows)) == (left, every)
        assert all("outside" in row for row in all_rows)
        assert not any("outside" in row for row in rows)
        merged = run(command, path, "--merge", "1e-3", "--outside")
        assert merged.exit_code == 0, merged.output
    picture = tmp_path / "tree.png"
    assert "2 minima in 1 connected set" in run("tree", path, "-o", picture).stdout
    assert "3 minima in 1 connected set" in run("tree", path, "-o", picture, "--outside").stdout
    assert "outside minima" in run("status", path).stdout


def test_flat_directions_are_named_with_their_remedy(tmp_path):
    """Nothing that takes longer would help."""
    flat = FunctionLandscape(
        lambda w: (w[0] ** 2 - 1) ** 2 + 2 * w[1] ** 2 + 0 * w[2], [-2] * 3, [2] * 3, "flat"
    )
    path, done = explored(tmp_path, flat)
    assert (done.reason, done.minima) == ("nothing new", 0)
    assert done.dominant_failure is not None
    assert done.dominant_failure.status is Status.UNDECIDED
    assert done.dominant_failure.count == done.dominant_failure.attempts == done.attempts
    assert "leave out a coordinate" in str(done.dominant_failure)
    drawn = run("tree", path, "-o", tmp_path / "tree.png")
    assert drawn.exit_code == 2
    shown = run("status", path)
    for text in (drawn.output, shown.output):
        assert "UNDECIDED" in text
        assert "leave out a coordinate" in text
        assert "explore for longer" not in text
    found = json.loads(run("status", path, "--json").stdout)["dominant_failure"]
    assert found["status"] == "UNDECIDED"
    assert set(found) == {"status", "count", "attempts", "meaning", "remedy"}


@pytest.mark.slow
def test_schwefel_s_function_is_mapped_inside_its_box(tmp_path):
    """Seven minima along each coordinate; outside of the box it falls without end."""
    name = "Schwefel"
    landscape = FunctionLandscape(
        lambda w: 418.9829 * len(w) - jnp.sum(w * jnp.sin(jnp.sqrt(jnp.abs(w)))),
        [-500, -500],
        [500, 500],
        name,
        length_scale=100.0,
    )
    path, done = explored(tmp_path, landscape)
    with Atlas.open(path) as atlas:
        minima, status = atlas.minima(), atlas.status()
        lowest = atlas.minimum_weights([int(minima["id"][minima["loss"].idxmin()])])
    assert done.reason == "nothing new"
    assert len(minima) == status["minima"] - status["outside_minima"] == 49
    np.testing.assert_allclose(lowest, 420.968746, atol=1e-5)
    assert status["lowest_loss"] == pytest.approx(0.0, abs=1e-4)
