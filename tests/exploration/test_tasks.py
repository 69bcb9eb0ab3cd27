"""Tasks travel: every search, its tools and what it returns can be sent to another process."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from lane_runs import each_in_order

from lossatlas.atlas import Atlas, Problem
from lossatlas.exploration import ExploreOptions, grow
from lossatlas.exploration.catalog import chosen
from lossatlas.exploration.planner import proposals
from lossatlas.exploration.tasks import take
from lossatlas.exploration.tried import Tried
from lossatlas.exploration.view import Observer
from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.outcome import Outcome
from lossatlas.search.tools import default_tools


@pytest.fixture(scope="module")
def explored(tmp_path_factory):
    """A view of a small landscape that has been explored a little, and its tools."""
    random = np.random.default_rng(5)
    landscape = NetworkLandscape(
        random.normal(size=(40, 2)), random.integers(3, size=40), (3,), 1e-3
    )
    path = tmp_path_factory.mktemp("tasks") / "a.atlas"
    with Atlas.create(path, Problem(landscape.fingerprint(), {}, {})) as atlas:
        options = ExploreOptions(
            minima=5, transition_states=5, strategies=["basin-hopping", "single-ended"]
        )
        grow(landscape, atlas, options)
        observer = Observer(atlas, landscape, seed=4)
        return observer.view(), default_tools(landscape)._replace(known=observer.known())


def first_task(strategy, view):
    return take(proposals(strategy, view), 1, Tried())


def text(found):
    """An outcome to the last bit: equal texts are equal arrays."""
    return pickle.dumps([pickle.loads(pickle.dumps(one)) for one in found])


def run(task, tools):
    (outcomes,) = each_in_order(Engine(tools.landscape.surface, workers=1), [task.search(tools)])
    return outcomes


@pytest.mark.parametrize("strategy", chosen(), ids=lambda strategy: strategy.name)
def test_a_task_its_tools_and_its_results_are_pickled(explored, strategy):
    view, tools = explored
    tasks = first_task(strategy, view)
    if not tasks:
        pytest.skip(f"{strategy.name} has nothing to propose here")
    (sent,), (again, sent_tools) = tasks, pickle.loads(pickle.dumps((tasks[0], tools)))
    assert again.key == sent.key
    outcomes = run(sent, tools)
    assert all(isinstance(one, Outcome) for one in outcomes)
    # Made twice from one task, and once from its copy with copied tools: the same search.
    assert text(run(sent, tools)) == text(outcomes) == text(run(again, sent_tools))


SCRIPT = """
import pickle, sys
from lossatlas.lanes.engine import Engine
task, tools = pickle.load(sys.stdin.buffer)
found = [r for _, r in Engine(tools.landscape.surface, workers=1).run([task.search(tools)])]
sys.stdout.buffer.write(pickle.dumps(found))
"""


def test_another_process_makes_the_same_search(explored):
    view, tools = explored
    strategy = next(one for one in chosen() if one.name == "independent-minima")
    (task,) = first_task(strategy, view)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=pickle.dumps((task, tools)),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    here, there = run(task, tools), pickle.loads(done.stdout)
    assert [one.status for one in there] == [one.status for one in here]
    for one, other in zip(there, here, strict=True):
        assert one.cost == other.cost
        for a, b in zip(one.minima, other.minima, strict=True):
            np.testing.assert_array_equal(a.weights, b.weights)
