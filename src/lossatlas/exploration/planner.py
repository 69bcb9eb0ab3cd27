"""The planner: effort goes where new points still turn up.

Each strategy is an arm. Its yield is what it has found lately per unit of cost, costs counted in
evaluations, never in seconds: what is planned depends on the atlas alone. Where few of the minima
are connected to the global minimum, what is missing is connections. So a new transition state
counts one, a new minimum as much as the part of the minima that is connected; a part of a round,
the square of the part that is not, is kept for the strategies that join; and the rest is shared out
in proportion to the yields, with a floor so that no arm is written off for ever. Independent draws
are no arm: they get a fixed share, whatever they find.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from lossatlas.atlas.log import Entry
from lossatlas.exploration import random_starts, strategies
from lossatlas.exploration.independent import draw_minima, draw_saddles
from lossatlas.exploration.strategies import Strategy, Task, take
from lossatlas.exploration.view import View

MEMORY = 200
"""Attempts of a strategy that count."""
FLOOR = 0.04
"""Smallest share of a round."""
JOINING = ("connect", "gaps", "single-ended")
"""The strategies that join minima to the global minimum: by bands between components, and by climbs
from minima, lowest first, which mostly find transition states of the minimum they begin at."""
FIRST_ROUND, ROUND = 12, 24
"""Searches in a round before any minimum is known, and after."""


def arms(seed: int) -> dict[str, Strategy]:
    """The strategies by the name their attempts carry in the log."""
    return {
        "basin-hopping": partial(strategies.find_minima, seed=seed),
        "single-ended": strategies.climb_from_minima,
        "connect": strategies.join_unconnected,
        "gaps": strategies.bridge_gaps,
        "untrap": strategies.free_trapped,
        "shortcut": strategies.shorten_paths,
        "degenerate": strategies.rearrange,
        "perturbed": partial(random_starts.look_around, seed=seed),
        "mirrors": partial(random_starts.look_on_mirrors, seed=seed),
        "between": partial(random_starts.look_between, seed=seed),
    }


def plan_round(
    view: View,
    entries: Sequence[Entry],
    seed: int,
    independent_share: float = 0.0,
    names: Sequence[str] | None = None,
) -> list[Task]:
    """The tasks of the next round; empty if there is nothing left to try.

    Args:
        view: the atlas as committed.
        entries: the log of attempts.
        seed: seed of the exploration.
        independent_share: part of the round for independent draws, half of it for each stream.
        names: of the other strategies to use, None for all.
    """
    known = len(view.points.minimum_ids) > 0
    size = ROUND if known else FIRST_ROUND
    tasks: list[Task] = []
    for draw in (draw_minima, draw_saddles):
        tasks += take(draw(view, seed), int(np.ceil(independent_share * size / 2)), view.tried)
    if independent_share == 1.0:
        return tasks
    proposals = {n: arm(view) for n, arm in arms(seed).items() if names is None or n in names}
    connected = connected_part(view)
    found = yields(entries, list(proposals), connected, view.landscape.hessian_cost)
    shares = shares_of(found, connected)
    return tasks + _share_out(proposals, shares, size - len(tasks), view.tried)


def _share_out(
    proposals: dict[str, Iterator[Task]], shares: dict[str, float], count: int, taken: set
) -> list[Task]:
    """About so many tasks; what some strategies cannot use is shared out among the others."""
    tasks: list[Task] = []
    willing = dict(shares)
    while willing and len(tasks) < count:
        left, total = count - len(tasks), sum(willing.values())
        for name, share in list(willing.items()):
            wanted = int(np.ceil(share / total * left))
            new = take(proposals[name], wanted, taken)
            tasks += new
            if len(new) < wanted:
                del willing[name]
    return tasks


def connected_part(view: View) -> float:
    """The part of the minima inside the box that is connected to the lowest; 1 if there is none."""
    order = view.by_energy()
    return float(np.mean(view.component[order] == view.component[order[0]])) if len(order) else 1.0


def shares_of(found: Mapping[str, float], connected: float) -> dict[str, float]:
    """Share of a round for each strategy, summing to about one.

    Args:
        found: by each strategy, new points per gradient (`yields`).
        connected: the part of the minima that is connected to the global minimum.

    Example:
        >>> shares_of({"basin-hopping": 3.0, "gaps": 1.0}, connected=0.5)
        {'basin-hopping': 0.5625, 'gaps': 0.4375}
    """
    joining = [name for name in JOINING if name in found]
    # Squared: where half is connected, what else there is still finds more for its cost.
    reserved = (1.0 - connected) ** 2 if joining else 0.0
    total = sum(found.values())
    shares = {name: (1.0 - reserved) * score / total for name, score in found.items()}
    for name in joining:
        shares[name] += reserved / len(joining)
    return {name: max(FLOOR, share) for name, share in shares.items()}


def yields(
    entries: Sequence[Entry], names: Sequence[str], worth: float = 1.0, hessian: float = 15.0
) -> dict[str, float]:
    """New points per gradient that each strategy has found lately.

    Args:
        entries: the log of attempts.
        names: of the strategies.
        worth: of a new minimum, that of a new transition state being one.
        hessian: cost of a Hessian with its spectrum, in gradients.
    """
    found = {}
    for name in names:
        # Both ways of joining components log their bands as "connect".
        logged = "connect" if name == "gaps" else name
        recent = [e for e in reversed(entries) if e.strategy == logged][:MEMORY]
        gain = sum(worth * e.new_minima + e.new_transition_states for e in recent)
        cost = sum(e.gradients + hessian * e.hessians for e in recent)
        # One point for nothing, so that an arm nobody has tried looks attractive.
        found[name] = (gain + 1.0) / (cost + 5e3)
    return found
