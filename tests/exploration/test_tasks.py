"""Tasks travel: a search and its tools can be sent to another process.

That tasks of every strategy can be pickled is part of the contract in tests/testing.
"""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from lane_runs import each_in_order

from lossatlas.atlas import Atlas, Problem
from lossatlas.exploration.catalog import chosen
from lossatlas.exploration.planner import begin, proposals
from lossatlas.exploration.tasks import take
from lossatlas.exploration.tried import Tried
from lossatlas.exploration.view import Observer
from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.tools import default_tools


@pytest.fixture
def unexplored(tmp_path):
    """A view of a small landscape of which nothing is known, and its tools."""
    random = np.random.default_rng(5)
    landscape = NetworkLandscape(
        random.normal(size=(40, 2)), random.integers(3, size=40), (3,), 1e-3
    )
    with Atlas.create(tmp_path / "a.atlas", Problem(landscape.fingerprint(), {}, {})) as atlas:
        observer = Observer(atlas, landscape, seed=4)
        return observer.view(), default_tools(landscape)._replace(known=observer.known())


def first_task(strategy, view):
    (agenda,) = begin([strategy])
    return take(proposals(agenda, view), 1, Tried())


def run(task, tools):
    (outcomes,) = each_in_order(Engine(tools.landscape.surface, workers=1), [task.search(tools)])
    return outcomes


ENVIRONMENT = dict(os.environ)
"""As this process began with: commands that are tested set flags of XLA for other processes."""

SCRIPT = """
import pickle, sys
from lossatlas.lanes.engine import Engine
task, tools = pickle.load(sys.stdin.buffer)
found = [r for _, r in Engine(tools.landscape.surface, workers=1).run([task.search(tools)])]
sys.stdout.buffer.write(pickle.dumps(found))
"""


def test_another_process_makes_the_same_search(unexplored):
    view, tools = unexplored
    strategy = next(one for one in chosen() if one.name == "independent-minima")
    (task,) = first_task(strategy, view)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=pickle.dumps((task, tools)),
        capture_output=True,
        check=False,
        env=ENVIRONMENT,
    )
    assert done.returncode == 0, done.stderr.decode()
    here, there = run(task, tools), pickle.loads(done.stdout)
    assert [one.status for one in there] == [one.status for one in here]
    for one, other in zip(there, here, strict=True):
        assert one.cost == other.cost
        for a, b in zip(one.minima, other.minima, strict=True):
            np.testing.assert_array_equal(a.weights, b.weights)
