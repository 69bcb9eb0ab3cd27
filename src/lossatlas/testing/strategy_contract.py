"""The contract of a strategy as a test: its proposals, and the outcomes of its searches."""

import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from lossatlas.atlas import Atlas, Problem
from lossatlas.exploration import ExploreOptions, Key, Strategy, Task, View, grow
from lossatlas.exploration.tried import Tried
from lossatlas.exploration.view import Observer
from lossatlas.landscape.base import Landscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.outcome import Outcome, StationaryPoint
from lossatlas.search.tools import Tools, default_tools
from lossatlas.testing.rules import require, try_rules
from lossatlas.testing.trial import energy

FEW = ExploreOptions(minutes=2, minima=5, transition_states=5)
"""When the short exploration ends that makes the view of a strategy."""
TASKS = 20
"""Number of proposals that are checked."""
REPEATS = 1_000
"""Number of searches tried before that a strategy may propose in a row."""


class Trial(NamedTuple):
    """A strategy that is checked.

    Attributes:
        strategy: the strategy.
        view: the view of an atlas from which it proposes searches.
        searches: number of its searches that are made.
    """

    strategy: Strategy
    view: View
    searches: int


def check_strategy(
    strategy: Strategy, where: Landscape | View, searches: int = 2, without: Sequence[str] = ()
) -> int:
    """Check that a strategy has the properties that an exploration relies on.

    The rules have these names:

    * ``tasks``: it proposes tasks, each with a key that consists of the name of the strategy, ids
      of minima and a text.
    * ``unique``: no two different searches have the same key, since the second would never be made.
    * ``stable``: from the same view it proposes the same searches, whatever the global random state
      of NumPy is, and does not change the view. A class proposes the same whether it has seen the
      view before or not.
    * ``tried``: it does not propose searches for ever that were tried before; either something new
      comes, or it ends.
    * ``pickle``: tasks can be pickled, so that searches can be made in another process.
    * ``searches``: the first searches end and return as many outcomes as their tasks say, and the
      energies of points are correct. Made again from pickled tasks (with the rule ``pickle``) they
      give the same outcomes.

    Args:
        strategy: the strategy to be checked.
        where: the view from which it proposes searches, or a landscape, which is explored a little
            first (see `explored_view`).
        searches: number of its searches that are made; default 2. Their kernels are compiled, which
            takes seconds.
        without: names of rules that are left out; default none.

    Returns:
        The number of proposals that were checked. 0 means that the strategy found nothing to do in
        this view, so that little was tested.

    Raises:
        AssertionError: if rules are broken; the message lists them.
        BadInputError: if `without` has a name that no rule has.

    Examples:
        >>> from lossatlas import FunctionLandscape
        >>> from lossatlas.testing import six_hump_camel
        >>> camel = FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel")
        >>> check_strategy(Strategy("nothing", lambda view: iter(())), camel)
        0
    """
    view = where if isinstance(where, View) else explored_view(where)
    trial = Trial(strategy, view, searches)
    rules = {name: partial(rule, trial) for name, rule in RULES.items()}
    rules["searches"] = partial(_searches, trial, "pickle" not in without)
    try_rules(f"strategy {strategy.name}", rules, without)
    return len(proposed(trial))


def explored_view(landscape: Landscape, options: ExploreOptions = FEW) -> View:
    """Explore a landscape for a short time, and make the view from which strategies propose.

    Args:
        landscape: the landscape.
        options: when the exploration ends, and its seed; by default it ends at five minima or five
            transition states, or after two minutes.

    Examples:
        >>> from lossatlas import FunctionLandscape
        >>> from lossatlas.testing import six_hump_camel
        >>> camel = FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel")
        >>> len(explored_view(camel).minimum_ids) > 0
        True
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tried.atlas"
        with Atlas.create(path, Problem(landscape.fingerprint())) as atlas:
            grow(landscape, atlas, options)
            return Observer(atlas, landscape, options.seed).view()


def fresh(view: View, tried: Sequence[Key] = ()) -> View:
    """A view in which only the given searches have been tried."""
    return replace(view, tried=Tried(tried))


def offered(trial: Trial) -> list[Task]:
    """The first proposals of a strategy; as in a round, each counts as tried before the next."""
    view, found = fresh(trial.view), []
    for task in islice(trial.strategy.begin()(view), TASKS):
        found.append(task)
        view.tried.add(task.key)
    return found


def proposed(trial: Trial) -> list[Task]:
    """The first proposals that a round would take, without repetitions."""
    return list({task.key: task for task in reversed(offered(trial))}.values())[::-1]


def _tasks(trial: Trial) -> None:
    ids = set(trial.view.points.minimum_ids.tolist())
    for task in islice(trial.strategy.begin()(fresh(trial.view)), TASKS):
        require(isinstance(task, Task), f"proposes {task!r}, no Task")
        key = task.key
        require(isinstance(key, Key), f"the key {key!r} is no Key")
        own = trial.strategy.logged
        require(key.strategy == own, f"a key has the name {key.strategy!r}, not {own!r}")
        origins = isinstance(key.origins, tuple) and all(type(k) is int for k in key.origins)
        require(origins, f"the origins {key.origins!r} are no tuple of int; use view.ids(...)")
        require(ids.issuperset(key.origins), f"there are no minima with the ids {key.origins}")
        require(isinstance(key.what, str), f"`what` is {key.what!r}, no text")
        require(callable(task.search), f"the search {task.search!r} cannot be called")


def _unique(trial: Trial) -> None:
    searches: dict[Key, Callable] = {}
    for task in offered(trial):
        first = searches.setdefault(task.key, task.search)
        same = first is task.search or _sent(first) == _sent(task.search)
        require(same, f"different searches have one key, {task.key}")


def _sent(search: Callable) -> bytes:
    """A search as bytes that are equal for equal searches."""
    return pickle.dumps(pickle.loads(pickle.dumps(search)))


def _stable(trial: Trial) -> None:
    before = pickle.dumps(_content(trial.view))
    # The old global generator must have no influence on proposals, so it is set on purpose.
    state = np.random.get_state()  # noqa: NPY002
    keys = []
    try:
        for seed in (1, 2):
            np.random.seed(seed)  # noqa: NPY002
            keys.append([task.key for task in proposed(trial)])
    finally:
        np.random.set_state(state)  # noqa: NPY002
    require(keys[0] == keys[1], f"proposes {_first_other(*keys)} for one view")
    require(*_goes_on(trial))
    require(pickle.dumps(_content(trial.view)) == before, "changes arrays of the view")


def _goes_on(trial: Trial) -> tuple[bool, str]:
    """Whether a strategy that is continued proposes what one that begins anew does."""
    view, kept = fresh(trial.view), trial.strategy.begin()
    for task in islice(kept(view), TASKS // 2):
        view.tried.add(task.key)
    both = [[t.key for t in islice(one(view), 1)] for one in (kept, trial.strategy.begin())]
    return both[0] == both[1], f"proposes {_first_other(*both)} if it begins at the same view"


def _content(view: View) -> tuple[np.ndarray, ...]:
    """The arrays of a view that a strategy could write to."""
    points = view.points
    network = points.minimum_energies, points.transition_state_energies, points.minimum_ids
    own = view.weights, view.inside, view.transition_states, view.component, view.neighbors
    return tuple(np.array(array) for array in (*network, *own, view.distances))


def _first_other(keys: list[Key], others: list[Key]) -> str:
    for one, other in zip(keys, others, strict=False):
        if one != other:
            return f"{one}, and then {other},"
    return f"{len(keys)}, and then {len(others)} searches"


def _tried(trial: Trial) -> None:
    keys = [task.key for task in proposed(trial)]
    offers = trial.strategy.begin()(fresh(trial.view, keys))
    repeats = list(islice((task.key for task in offers), REPEATS))
    new = len(repeats) < REPEATS or set(repeats) - set(keys)
    require(new, f"proposes nothing but what was tried, {REPEATS:,} times; look at view.tried")


def _pickle(trial: Trial) -> None:
    for task in proposed(trial):
        again = pickle.loads(pickle.dumps(task))
        require(again.key == task.key, f"the task {task.key} gets another key")


def _searches(trial: Trial, pickled: bool) -> None:
    tools = default_tools(trial.view.landscape)
    for task in proposed(trial)[: trial.searches]:
        found = _made(task, tools)
        parts = task.parts in (None, len(found))
        require(parts, f"{task.key} hands over {len(found)} outcomes, and says {task.parts}")
        for outcome in found:
            require(isinstance(outcome, Outcome), f"a search hands over {outcome!r}, no Outcome")
            for point in _points(outcome):
                exact = energy(trial.view.landscape, point.weights)
                close = abs(point.energy - exact) <= 1e-9 * max(1.0, abs(exact))
                require(close, f"a point with E = {exact} is handed over with {point.energy}")
        if pickled:
            again = _made(pickle.loads(pickle.dumps(task)), tools)
            require(_equal(again, found), f"{task.key} is another search when pickled")


def _made(task: Task, tools: Tools) -> list[Outcome]:
    """All outcomes of one search."""
    engine = Engine(tools.landscape.surface, workers=1)
    return [found for _, found in engine.run([task.search(tools)])]


def _points(outcome: Outcome) -> Iterator[StationaryPoint]:
    yield from outcome.minima
    for pathway in outcome.pathways:
        yield pathway.transition_state
        yield from (end.minimum for end in pathway.ends)


def _equal(outcomes: list[Outcome], others: list[Outcome]) -> bool:
    """Whether all numbers of outcomes are the same to the last bit, including NaN."""
    (leaves, tree), (other_leaves, other_tree) = map(jax.tree.flatten, (outcomes, others))
    if tree != other_tree:
        return False
    pairs = zip(map(np.asarray, leaves), map(np.asarray, other_leaves), strict=True)
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


RULES: dict[str, Callable[[Trial], None]] = {
    "tasks": _tasks,
    "unique": _unique,
    "stable": _stable,
    "tried": _tried,
    "pickle": _pickle,
}
