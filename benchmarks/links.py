"""Are links right? Links of explorations are followed again, and by an independent solver.

    python -m benchmarks.links [ATLAS ...] [--quick] [--minutes 60] [--families NAME ...]
        [--records FILE]

The links of branching valleys in two dimensions (`FORKS`) and of the given atlases come first. Then
small landscapes of several families (all, or those that are named) are explored, one seed after
the other, until the CPU minutes are spent. Both paths from each transition state are followed as a
search does, and once more with tighter tolerances to a smaller Newton ball. If the two lead to
different points, and for a random part of all links, SciPy's solvers decide (`OdeFlow`: LSODA, and
Radau where it makes too many steps): at relative tolerances of 1e-9 and 1e-11, and from pushoffs of
0.02 and 0.002 length scales. The result on which all four runs agree is taken for the truth; if
they do not agree the link is a tie.

`first` counts the links that would be wrong if paths with the first tolerance were always accepted,
with the smallest spread among them, which must exceed the limit of the search. `--records` appends
one line of JSON for each link to a file; links in the file are counted, and not followed again.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Set
from contextlib import nullcontext
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import beta

import lossatlas
from lossatlas.atlas import Atlas
from lossatlas.data import load_ljat3, split_pools
from lossatlas.exploration.ode_flow import Integrated, OdeFlow
from lossatlas.landscape import FunctionLandscape, NetworkLandscape
from lossatlas.landscape.base import Landscape
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Request, Requests
from lossatlas.search.certify import certified
from lossatlas.search.descent import descend
from lossatlas.search.identity import same_point
from lossatlas.search.outcome import StationaryPoint
from lossatlas.search.tools import Tools, default_tools
from lossatlas.studies.problem import landscape_of

TIGHTER = 0.1
"""Tolerances, spread and Newton ball of paths that are followed again, over the usual ones."""
SOLVER = tuple((tolerance, pushoff) for tolerance in (1e-9, 1e-11) for pushoff in (1.0, 0.1))
"""Tolerances of LSODA, and pushoffs over the usual one of 0.02 length scales."""
MINUTES = 5.0
"""Largest number of CPU minutes of an exploration, for landscapes with few transition states."""

Arrival = StationaryPoint | None


@cache
def _pools(side: str):
    return load_ljat3(side, items=4000, seed=1).pools


def _network(side: str, items: int, hidden: tuple[int, ...], l2: float, neighbors: int = 0):
    def landscape(seed: int) -> NetworkLandscape:
        train = split_pools(_pools(side), items, 1, seed).train
        return NetworkLandscape(train.inputs, train.labels, hidden, l2, neighbors=neighbors)

    return landscape


FAMILIES: dict[str, Callable[[int], NetworkLandscape]] = {
    "D1 [2,5,4], 100 items, 1e-4": _network("D1", 100, (5,), 1e-4),
    "D2 [2,6,4], 200 items, 1e-4": _network("D2", 200, (6,), 1e-4),
    "D1 [2,3,3,4], 100 items, 1e-4": _network("D1", 100, (3, 3), 1e-4),
    "D1 [2,5,4], 400 items, 1e-5, 2 neighbors": _network("D1", 400, (5,), 1e-5, 2),
    "D1 [2,8,4], 100 items, 3e-4 (zero units)": _network("D1", 100, (8,), 3e-4),
    "D1 [2,10,4], 100 items, 1e-4": _network("D1", 100, (10,), 1e-4),
}


FORKS = "branching valleys in two dimensions"
SLOPES = tuple(sign * slope for slope in (1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 1e-6) for sign in (1, -1))
"""Slopes of the valleys. A valley leads from a saddle in the middle to a ridge, and only this
slight slope determines on which side of the ridge the path descends."""
FLOOR = (1.0, -0.15)
"""A point near the bottom of a branch."""


def forks() -> tuple[FunctionLandscape, np.ndarray]:
    """One landscape of many such valleys, and the saddles (k, 2 k) in the middle of each.

    The surface is a sum of functions of two coordinates each. If all but one of them are at their
    minimum, paths are those of the one function.
    """
    slopes = np.array(SLOPES)

    def energy(w):
        x, y = w[0::2], w[1::2]
        ridge = (0.95 - x**2) * y**2 + 2 * y**4 - 0.03 * y**3
        return (x**4 / 4 - x**2 / 2 + ridge + slopes * y).sum()

    count = len(slopes)
    landscape = FunctionLandscape(energy, [-2.0] * 2 * count, [2.0] * 2 * count)
    tools = default_tools(landscape)
    lowest = certified(tools, np.tile(FLOOR, count), downhill=True)
    ((_, floor),) = Engine(landscape.surface, workers=1).run([lowest])
    assert floor.point is not None
    saddles = np.tile(floor.point.weights, (count, 1))
    for k in range(count):
        saddles[k, 2 * k : 2 * k + 2] = 0.0
    return landscape, saddles


class Link(NamedTuple):
    """One side of a transition state.

    Attributes:
        family, seed: name of the family of the landscape, and its seed.
        state, side: number of the transition state in the landscape, and its side.
        reaches: Hessian index of the point where the path first ends; -1 if it ends at none.
        spread, tolerance: spread and tolerance of the accepted path, in length scales.
        first_spread: spread of the path with the first tolerance, in length scales.
        first: whether the path with the first tolerance ends where the tighter path does.
        usual: whether the accepted path ends where the tighter path does.
        solver: the result of LSODA for the accepted path: "right", "wrong" or "tie"; empty if LSODA
            was not used.
        solver_first: the result of LSODA for the path with the first tolerance.
    """

    family: str
    seed: int
    state: int
    side: int
    reaches: int
    spread: float
    tolerance: float
    first_spread: float
    first: bool
    usual: bool
    solver: str
    solver_first: str


def _same(one: Arrival, other: Arrival) -> bool:
    return one is other or (one is not None and other is not None and same_point(one, other))


def links(
    tools: Tools, weights: np.ndarray, asked: bool
) -> Generator[Requests, Any, list[dict[str, Any]]]:
    """Follow both paths from a transition state (n,).

    If `asked` is True, LSODA follows them too, even if the usual and the tighter paths agree.
    """
    certificate = yield from certified(tools, weights)
    assert certificate.point is not None
    saddle, mode = certificate.point.weights, certificate.modes[0]
    starts = [saddle + sign * tools.pushoff * mode for sign in (1.0, -1.0)]
    first = usual = yield from descend(tools._replace(largest_spread=np.inf), starts)
    if any(descent.spread > tools.largest_spread for descent in first):
        usual = yield from descend(tools, starts)
    tight = yield from descend(tighter(tools), starts)
    length, found = tools.landscape.length_scale, []
    for side, sign in enumerate((1.0, -1.0)):
        ends = [path[side].arrival.point for path in (usual, first, tight)]
        agree = [_same(end, ends[2]) for end in ends[:2]]
        said = ["", ""]
        if asked or not all(agree):
            truth = yield from solved(tools, saddle, sign * mode)
            said = [_verdict(end, truth) for end in ends[:2]]
        found.append(
            {
                "side": side,
                "reaches": -1 if ends[0] is None else ends[0].index,
                "spread": usual[side].spread / length,
                "tolerance": usual[side].tolerance / length,
                "first_spread": first[side].spread / length,
                "usual": agree[0],
                "first": agree[1],
                "solver": said[0],
                "solver_first": said[1],
            }
        )
    return found


def tighter(tools: Tools) -> Tools:
    """Tools that follow paths more tightly than a search does, to a smaller Newton ball."""
    first, tightest = tools.flow_tolerance
    return tools._replace(
        flow_tolerance=(TIGHTER * first, TIGHTER * tightest),
        largest_spread=TIGHTER * tools.largest_spread,
        newton_ball=TIGHTER * tools.newton_ball,
    )


def solved(
    tools: Tools, saddle: np.ndarray, direction: np.ndarray
) -> Generator[Requests, Any, list[Arrival]]:
    """The ends of the paths of LSODA from a saddle along a unit vector (n,), for each `SOLVER`."""
    symmetrizer = tools.landscape.symmetrizer
    starts = [(t, saddle + part * tools.pushoff * direction) for t, part in SOLVER]
    paths: list[Integrated] = yield [
        Request(OdeFlow(tolerance=t), (w, symmetrizer(w), tools.landscape.length_scale))
        for t, w in starts
    ]
    ends = []
    for path in paths:
        ends.append((yield from certified(tools, path.w)).point)
    return ends


def _verdict(end: Arrival, truth: list[Arrival]) -> str:
    if truth[0] is None or not all(_same(truth[0], other) for other in truth):
        return "tie"
    return "right" if _same(end, truth[0]) else "wrong"


class Subject(NamedTuple):
    """A landscape whose links are followed; for an atlas, the family is the name of its file.

    Attributes:
        family, seed: the same as in `Link`.
        found: a function that returns the landscape and its transition states (k, n).
    """

    family: str
    seed: int
    found: Callable[[], tuple[Landscape, np.ndarray]]


def subjects(
    atlases: Sequence[Path], families: Sequence[str], seeds: Iterable[int], states: int
) -> Iterator[Subject]:
    """The valleys, the atlases, and explorations of each family to `states` transition states."""
    yield Subject(FORKS, 0, forks)
    yield from (Subject(path.name, 0, partial(_stored, path)) for path in atlases)
    for seed in seeds:
        for family in families:
            yield Subject(family, seed, partial(_explored, family, seed, states))


def measured(subject: Subject, solver: float, done: Set[int] = frozenset()) -> Iterator[Link]:
    """The links of a subject, without those of transition states in `done`.

    `solver` is the fraction of the transition states whose links LSODA follows in any case.
    """
    family, seed, found = subject
    landscape, weights = found()
    tools = default_tools(landscape)
    asked = np.random.default_rng(seed).random(len(weights)) < solver
    states = [state for state in range(len(weights)) if state not in done]
    searches = (links(tools, weights[state], bool(asked[state])) for state in states)
    for number, rows in Engine(landscape.surface, workers=1).run(searches):
        yield from (Link(family=family, seed=seed, state=states[number], **row) for row in rows)


def _explored(family: str, seed: int, states: int) -> tuple[Landscape, np.ndarray]:
    landscape = FAMILIES[family](seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "links.atlas"
        options = {"transition_states": states, "cpu_minutes": MINUTES, "seed": seed, "workers": 1}
        with lossatlas.explore(landscape, path, progress=False, **options) as atlas:
            return landscape, _transition_states(atlas)


def _stored(path: Path) -> tuple[Landscape, np.ndarray]:
    with Atlas.open(path) as atlas:
        return landscape_of(atlas.problem), _transition_states(atlas)


def _transition_states(atlas: Atlas) -> np.ndarray:
    ids = atlas.transition_states()["id"].tolist()
    return np.array(atlas.transition_state_weights(ids))


def table(found: Iterable[Link]) -> Iterator[str]:
    """One line for each family, and one for all."""
    found = list(found)
    names = dict.fromkeys(link.family for link in found)
    groups = {name: [link for link in found if link.family == name] for name in names}
    yield (
        f"{'landscapes':42s} links  anew: differ  again  LSODA: asked  wrong  ties"
        "  first: wrong  least spread"
    )
    for name, group in {**groups, "all": found}.items():
        if group:
            yield f"{name:42s} {_line(group)}"
    wrong = sum(link.solver == "wrong" for link in found)
    bound = beta.ppf(0.95, wrong + 1, max(len(found) - wrong, 1))
    yield f"wrong: {wrong} of {len(found)} links; at most {bound:.2%} with 95 % confidence"


def _line(group: list[Link]) -> str:
    first = [link.first_spread for link in group if link.solver_first == "wrong"]
    loosest = max(link.tolerance for link in group)
    return (
        f"{len(group):6d} {sum(not link.usual for link in group):13d}"
        f" {sum(link.tolerance < loosest for link in group):6d}"
        f" {sum(bool(link.solver) for link in group):13d}"
        f" {sum(link.solver == 'wrong' for link in group):6d}"
        f" {sum(link.solver == 'tie' for link in group):5d}"
        f" {len(first):13d} {min(first, default=np.nan):13.3f}"
    )


def read(records: Path | None) -> list[Link]:
    """The links that a file of records holds."""
    if records is None or not records.exists():
        return []
    return [Link(**json.loads(line)) for line in records.read_text().splitlines()]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("atlases", type=Path, nargs="*", help="atlases of studies to look into")
    parser.add_argument("--quick", action="store_true", help="a few links of each family")
    parser.add_argument("--minutes", type=float, default=60.0, help="CPU minutes to spend")
    parser.add_argument(
        "--families", nargs="+", choices=FAMILIES, default=list(FAMILIES), help="landscapes"
    )
    parser.add_argument("--states", type=int, default=100, help="transition states a landscape")
    parser.add_argument("--solver", type=float, default=0.05, help="part of the links for LSODA")
    parser.add_argument("--records", type=Path, help="file of results, continued if it exists")
    options = parser.parse_args()
    states, seeds = (12, range(1)) if options.quick else (options.states, range(1000))
    found, begun = read(options.records), time.process_time()
    known = {(link.family, link.seed, link.state) for link in found}
    with options.records.open("a") if options.records else nullcontext() as file:
        for subject in subjects(options.atlases, options.families, seeds, states):
            if time.process_time() - begun > 60.0 * options.minutes:
                break
            done = {state for *of, state in known if tuple(of) == subject[:2]}
            if len(done) >= states and subject.family in FAMILIES:
                continue
            part = 1.0 if subject.family == FORKS else options.solver
            for link in measured(subject, part, done):
                found.append(link)
                if file is not None:
                    print(json.dumps(link._asdict()), file=file, flush=True)
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
