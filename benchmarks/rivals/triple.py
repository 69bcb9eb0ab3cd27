"""The cost of a minimum-saddle-minimum triple from single-ended searches, and of its two parts.

Both sides start from the same minima with every weight perturbed, OPTIM as PATHSAMPLE starts it and
ours like the strategy `perturbed`. The cost of searches that fail is shared by those that succeed.
Links of both sides are checked against gradient flow afterwards, which is not timed.
"""

from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from benchmarks.rivals import links, wales
from benchmarks.rivals.measure import (
    Context,
    Row,
    Target,
    Unavailable,
    cpu_seconds,
    interleaved,
    run_processes,
)
from benchmarks.rivals.problem import d1, some_minima

from lossatlas.errors import Status
from lossatlas.exploration.random_starts import perturbation
from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Request
from lossatlas.search.certify import certified
from lossatlas.search.outcome import Pathway
from lossatlas.search.pathway import follow
from lossatlas.search.tools import default_tools

WORK = "certified minimum-saddle-minimum triple"
RIVAL = "OPTIM (pylfl 0.3.5)"
TARGET = Target(ratio=50)
SEARCHES = 24
"""Number of our searches in a turn; they are cheap, and with few of them times would scatter."""


class Costs:
    """CPU seconds of searches and of descents in each turn, and the points that were found."""

    def __init__(self) -> None:
        """Begin without any turn."""
        self.searches: list[float] = []
        self.descents: list[float] = []
        self.tried = 0
        self.triples: list[tuple[np.ndarray, tuple[float, float]]] = []

    def add(
        self, tried: int, searching: float, found: int, descending: float, pairs: list
    ) -> float:
        """Add one turn, and return the CPU seconds for each triple."""
        if not found or not pairs:
            raise Unavailable(f"{tried} searches found {found} saddles and {len(pairs)} triples")
        self.tried += tried
        self.triples += pairs
        # A saddle whose paths fail is not a triple, so its search is a cost of the others.
        self.searches.append(searching / len(pairs))
        self.descents.append(descending / len(pairs))
        return self.searches[-1] + self.descents[-1]


def rows(context: Context) -> Iterator[Row]:
    """Rows for the triple and for its two parts."""
    landscape = d1()
    minima = [m.weights for m in some_minima(landscape, 12)]
    ours = Ours(landscape, minima)
    ours.turn()  # compiles the kernels
    ours.costs = Costs()
    rival = Optim(context, landscape, minima, 4 if context.quick else 12)
    repeats = 2 if context.quick else 5
    try:
        theirs, own = interleaved([rival.turn, ours.turn], repeats)
    except Unavailable as reason:
        yield Row(WORK, RIVAL, target=TARGET, skipped=str(reason))
        return
    notes = "; ".join(
        f"{name}: {len(costs.triples)} triples of {costs.tried} searches, "
        f"{links.check(landscape, costs.triples).text()}"
        for name, costs in (("OPTIM", rival.costs), ("ours", ours.costs))
    )
    yield Row(WORK, RIVAL, "CPU s", theirs, own, TARGET, notes)
    for part in ("searches", "descents"):
        values = [tuple(getattr(costs, part)) for costs in (rival.costs, ours.costs)]
        yield Row(f"of that the {part}", RIVAL, "CPU s", *values)


class Ours:
    """Our side: climbs from perturbed minima, then both paths from every saddle."""

    def __init__(self, landscape: NetworkLandscape, minima: list[np.ndarray]) -> None:
        """Prepare the engine; each turn draws other starts."""
        self.tools, self.engine = default_tools(landscape), Engine(landscape.surface)
        self.minima, self.costs, self.random = minima, Costs(), np.random.default_rng(1)

    def climb(self, w: np.ndarray, step: np.ndarray):
        """A search that returns a certified saddle with its unstable mode, or None."""
        climbed = yield Request(self.tools.climb, (w + step, step))
        if climbed.status != Status.CONVERGED:
            return None
        certificate = yield from certified(self.tools, np.asarray(climbed.w))
        point = certificate.point
        return None if point is None or point.index != 1 else (point, certificate.modes[0])

    def turn(self) -> float:
        """CPU seconds of a triple."""
        starts = islice(cycle(self.minima), SEARCHES)
        climbs = [self.climb(w, perturbation(self.tools.landscape, self.random)) for w in starts]
        found, searching = cpu_seconds(lambda: dict(self.engine.run(climbs)))
        saddles = [found[k] for k in range(len(climbs)) if found[k] is not None]
        paths = [follow(self.tools, point, mode) for point, mode in saddles]
        followed, descending = cpu_seconds(lambda: dict(self.engine.run(paths)))
        whole = [f.pathways[-1] for f in followed.values() if f.status is Status.CONVERGED]
        pairs = [(p.transition_state.weights, _energies(p)) for p in whole]
        return self.costs.add(len(climbs), searching, len(saddles), descending, pairs)


def _energies(pathway: Pathway) -> tuple[float, float]:
    """The energies of the minima on both sides, on each side of the lowest of several."""
    sides = ([e.minimum.energy for e in pathway.ends if e.side == side] for side in (0, 1))
    first, second = map(min, sides)
    return first, second


class Optim:
    """The side of OPTIM from perturbed minima, one process on each core, then the descents."""

    def __init__(
        self, context: Context, landscape: NetworkLandscape, minima: list[np.ndarray], jobs: int
    ) -> None:
        """Prepare `jobs` searches for each core and turn."""
        self.context, self.landscape, self.minima, self.jobs = context, landscape, minima, jobs
        self.costs, self.random = Costs(), np.random.default_rng(0)

    def turn(self) -> float:
        """CPU seconds of a triple."""
        count = self.jobs * self.context.cores
        size = (count, self.landscape.n_weights)
        moves = wales.PERTURBATION * self.random.uniform(-1.0, 1.0, size)
        starts = [self.minima[k % len(self.minima)] + move for k, move in enumerate(moves)]
        folders, searching = self._run(starts, paths=False)
        saddles = [
            w for folder in folders if (w := wales.found_transition_state(folder)) is not None
        ]
        folders, descending = self._run(saddles, paths=True)
        pairs = []
        for folder in folders:
            text = (folder / "path.info").read_text() if (folder / "path.info").exists() else ""
            if (found := wales.triple(text, self.landscape.n_weights)) is not None:
                pairs.append((found.weights, (found.energies[0], found.energies[2])))
        return self.costs.add(count, searching, len(saddles), descending, pairs)

    def _run(self, starts: list[np.ndarray], paths: bool) -> tuple[list[Path], float]:
        program = wales.folder_of_programs(self.context.environments) / "OPTIM"
        folders = [self.context.folder("optim") for _ in starts]
        for folder, start in zip(folders, starts, strict=True):
            wales.prepare_optim(folder, self.landscape, start, paths=paths)
        used = run_processes([[program]] * len(folders), folders, self.context.cores)
        return folders, sum(usage.cpu for usage in used)
