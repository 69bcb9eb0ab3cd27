"""The contract of a strategy, as a test: what it proposes, and what its searches hand over."""

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
"""When there is enough for a strategy to look at."""
TASKS = 20
"""Proposals that are looked at."""
REPEATS = 1_000
"""Proposals of what was tried before that a strategy may make in a row."""


class Trial(NamedTuple):
    """A strategy on trial, what it looks at, and how many of its searches are made."""

    strategy: Strategy
    view: View
    searches: int


def check_strategy(
    strategy: Strategy, where: Landscape | View, searches: int = 2, without: Sequence[str] = ()
) -> int:
    """Try whether a strategy keeps what an exploration relies on.

    The rules, by name:

    * ``tasks``: it proposes tasks, each with a key: its own name, ids of minima, a text.
    * ``unique``: no two different searches have one key: the second would never be made.
    * ``stable``: from the same view it proposes the same, whatever NumPy's global random state is,
      and the view is left as it was. A class proposes the same whether it has looked at the view
      before or not.
    * ``tried``: what was tried is not proposed for ever: something new comes, or it ends.
    * ``pickle``: tasks can be pickled, so that searches can be made in another process.
    * ``searches``: the first ones end and hand over outcomes, as many as their tasks say, whose
      points have the energies that they claim; made again from pickled tasks (with the rule
      ``pickle``) they give the same.

    Args:
        strategy: the strategy.
        where: what it looks at: a view, or a landscape, which is explored a little first (see
            `explored_view`).
        searches: how many of its searches are made. Their kernels are compiled, which takes
            seconds.
        without: names of rules that are left out.

    Returns:
        how many proposals were looked at. 0 says that the strategy found nothing to do in this
        view, and that little was tested.

    Raises:
        AssertionError: lists the rules that are broken.
        BadInputError: if `without` has a name that no rule has.

    Examples:
        >>> nothing = Strategy("nothing", lambda view: iter(()))
        >>> check_strategy(nothing, landscape)                       # doctest: +SKIP
        0
    """
    view = where if isinstance(where, View) else explored_view(where)
    trial = Trial(strategy, view, searches)
    rules = {name: partial(rule, trial) for name, rule in RULES.items()}
    rules["searches"] = partial(_searches, trial, "pickle" not in without)
    try_rules(f"strategy {strategy.name}", rules, without)
    return len(proposed(trial))


def explored_view(landscape: Landscape, options: ExploreOptions = FEW) -> View:
    """What strategies see after a short exploration.

    Args:
        landscape: the landscape.
        options: when the exploration ends, and its seed; by default at five minima or transition
            states.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tried.atlas"
        with Atlas.create(path, Problem(landscape.fingerprint())) as atlas:
            grow(landscape, atlas, options)
            return Observer(atlas, landscape, options.seed).view()


def fresh(view: View, tried: Sequence[Key] = ()) -> View:
    """The view with these searches tried, and no others."""
    return replace(view, tried=Tried(tried))


def offered(trial: Trial) -> list[Task]:
    """The first proposals as they come; as in a round, each counts as tried before the next."""
    view, found = fresh(trial.view), []
    for task in islice(trial.strategy.begin()(view), TASKS):
        found.append(task)
        view.tried.add(task.key)
    return found


def proposed(trial: Trial) -> list[Task]:
    """Those that a round would take: none twice."""
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
    """Equal for equal searches."""
    return pickle.dumps(pickle.loads(pickle.dumps(search)))


def _stable(trial: Trial) -> None:
    before = pickle.dumps(_content(trial.view))
    # No strategy may look at this old generator, so it is set on purpose.
    # The old global generator is what must have no influence, so it is set here on purpose.
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
    """Whether one that has seen what was tried since proposes what one that begins does."""
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
    """All that one search hands over."""
    engine = Engine(tools.landscape.surface, workers=1)
    return [found for _, found in engine.run([task.search(tools)])]


def _points(outcome: Outcome) -> Iterator[StationaryPoint]:
    yield from outcome.minima
    for pathway in outcome.pathways:
        yield pathway.transition_state
        yield from (end.minimum for end in pathway.ends)


def _equal(outcomes: list[Outcome], others: list[Outcome]) -> bool:
    """Whether all numbers are the same to the last bit, not-a-number included."""
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
