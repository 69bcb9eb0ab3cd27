"""Separate searches on a landscape, each independent of all others, and how often points were hit.

There are two samples of each landscape. The first are quenches from random starts, which end at
minima. The second are climbs from the minima that these quenches found, a list that does not change
any more: minimum, soft mode, sign and distance of each climb are random, and it ends at a
transition state. Both stand in one atlas beside that of the exploration, and are continued if the
program is killed.
"""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossatlas import Atlas, BadInputError
from lossatlas.paper.cell import Cell
from lossatlas.paper.exploring import (
    cell_folder,
    read_json,
    stored_problem,
    study_of,
    write_json,
)

if TYPE_CHECKING:  # these load JAX, which stored counts do not need
    from pandas import DataFrame

    from lossatlas import Task
    from lossatlas.exploration import View

ATLAS = "quenches.atlas"
"""Name of the file with the points, in the folder of the cell."""
NEVER = 1.0 - 1e-12
"""A completeness that is not reached, so that an exploration ends when all searches were made."""
MODES = 8
"""Number of soft modes among which a climb chooses."""
DISTANCES = 0.5, 2.0
"""Smallest and largest distance at which a climb begins, in units of the usual one."""


class Kind(NamedTuple):
    """A kind of separate searches.

    Attributes:
        name: the searches in words.
        points: the points at which they end, as the tables of an atlas are named.
        strategy: their name in the log of the atlas.
        file: name of the file with the counts, in the folder of the cell.
        counts: number of searches by the name of the scale.
    """

    name: str
    points: str
    strategy: str
    file: str
    counts: dict[str, int]


QUENCHES = Kind(
    "quenches", "minima", "separate-quench", "quenches.json", {"paper": 10_000, "quick": 60}
)
CLIMBS = Kind(
    "climbs", "transition_states", "separate-climb", "climbs.json", {"paper": 1000, "quick": 20}
)
KINDS = (QUENCHES, CLIMBS)


class Sample(NamedTuple):
    """The separate searches of one kind on a landscape.

    Attributes:
        made: number of searches.
        failed: number of these that did not end at a certified point.
        abundances: number of points by how often they were hit.
        cpu_seconds: CPU seconds that they took, without those of runs that did not end.
        versions: versions of lossatlas and of its libraries.
        starts: number of minima among which each climb chooses one; default 0, for quenches.
    """

    made: int
    failed: int
    abundances: dict[int, int]
    cpu_seconds: float
    versions: dict[str, str]
    starts: int = 0

    @property
    def counts(self) -> np.ndarray:
        """(k,) how often each point was hit."""
        times = np.array(list(self.abundances), int)
        return np.repeat(times, list(self.abundances.values()))


class _Draws:
    """The separate searches of one kind: number k has random numbers of its own."""

    def __init__(self, kind: Kind, seed: int, count: int, frozen: np.ndarray) -> None:
        self.kind, self.seed, self.count, self.frozen = kind, seed, count, frozen
        self.next = 0

    def __call__(self, view: "View") -> "Iterator[Task]":
        """Propose the searches that were not made yet."""
        from lossatlas import Key, Task

        while self.next < self.count:
            number, self.next = self.next, self.next + 1
            search = partial(_quench, self.seed, number)
            if self.kind is CLIMBS:
                search = self._climb(view, number)
            yield Task(Key(self.kind.strategy, (), f"{number}"), search, 1)

    def _climb(self, view: "View", number: int) -> Any:
        """A climb from one of the minima of the list, whose ids are `frozen`."""
        random = np.random.default_rng((self.seed, number, 1))
        chosen = self.frozen[random.integers(len(self.frozen))]
        start = view.weights[np.searchsorted(view.minimum_ids, chosen)]
        return partial(_climb, start, int(random.integers(2**31)))


def _quench(seed: int, number: int, tools: Any) -> Any:
    from lossatlas.search import quench

    random = np.random.default_rng((seed, number))
    return (yield from quench(tools, tools.landscape.random_start(random)))


def _climb(start: np.ndarray, seed: int, tools: Any) -> Any:
    from lossatlas.search import single_ended

    random, landscape = np.random.default_rng(seed), tools.landscape
    modes = min(MODES, landscape.n_weights - len(landscape.excluded_modes))
    mode, sign = int(random.integers(modes)), int(random.choice([1, -1]))
    distance = float(np.exp(random.uniform(*np.log(DISTANCES))))
    return (yield from single_ended(tools, start, mode, sign, distance))


def compute(folder: Path, cell: Cell, kind: Kind, count: int, quenches: int) -> Sample:
    """Make separate searches on a landscape, or continue them, and store how often points were hit.

    Args:
        folder: folder of the whole reproduction, which must exist.
        cell: the cell of the landscape.
        kind: the kind of searches. Before climbs all quenches are made.
        count: number of searches.
        quenches: number of quenches by which the minima are found from which climbs begin.

    Raises:
        BadInputError: if the settings are not those of a study, no quench ends at a minimum, or
            some searches are missing in the end.
        AtlasError: if the atlas cannot be written.
        KeyboardInterrupt: after an interrupt; all results are safe and can be continued.
    """
    there = stored(folder, cell, kind)
    if there is not None and there.made >= count:
        return there
    study, home = study_of(cell, folder), cell_folder(folder, cell)
    home.mkdir(parents=True, exist_ok=True)
    from lossatlas import prepare

    prepared, frozen = prepare(study, stored_problem(home / ATLAS)), np.empty(0, int)
    if kind is CLIMBS:
        _make(home, prepared.landscape, cell, QUENCHES, quenches, frozen)
        with Atlas.open(home / ATLAS) as atlas:
            frozen = np.unique(_hits(_log(atlas, QUENCHES, quenches), QUENCHES))
        if not len(frozen):
            problem = "no quench has ended at a minimum"
            raise BadInputError(cell.name, problem, "make more quenches")
    made = _make(home, prepared.landscape, cell, kind, count, frozen)
    store(home, kind, made)
    return made


def _make(
    home: Path, landscape: Any, cell: Cell, kind: Kind, count: int, frozen: np.ndarray
) -> Sample:
    """Make the searches that the atlas does not have yet, and count the hits."""
    from lossatlas import Strategy, explore

    ends, others = ("minima", "saddles") if kind is QUENCHES else ("saddles", "minima")
    draws = Strategy(kind.strategy, _Draws(kind, cell.seed, count, frozen), draws=ends)
    silent = Strategy("silent", lambda view: iter(()), draws=others)
    options = {"independent_share": 1.0, "until": NEVER, "seed": cell.seed, "progress": False}
    begun = time.process_time()
    with explore(landscape, home / ATLAS, strategies=[draws, silent], **options) as atlas:
        seconds = round(time.process_time() - begun, 1)
        if atlas.exploration is not None and atlas.exploration.reason == "interrupted":
            raise KeyboardInterrupt
        log, versions = _log(atlas, kind, count), atlas.runs()["versions"].iloc[-1]
    if len(log) < count:
        problem = f"{len(log)} of {count} {kind.name} were made"
        remedy = "run the command again, alone in this folder"
        raise BadInputError(str(home / ATLAS), problem, remedy)
    hits = _hits(log, kind)
    times, numbers = np.unique(np.unique(hits, return_counts=True)[1], return_counts=True)
    abundances = dict(zip(times.tolist(), numbers.tolist(), strict=True))
    failed = len(log) - len(hits)
    return Sample(len(log), failed, abundances, seconds, versions, len(frozen))


def _log(atlas: Atlas, kind: Kind, count: int) -> "DataFrame":
    """The first searches of a kind; one that two programs made at the same time counts once."""
    attempts = atlas.attempts()
    mine = (attempts["strategy"] == kind.strategy) & ~attempts.duplicated(["strategy", "what"])
    return attempts.loc[mine].loc[lambda made: made["what"].astype(int) < count]


def _hits(log: "DataFrame", kind: Kind) -> list[int]:
    """The ids of the points at which searches ended."""
    return [points[-1] for points in log[kind.points] if len(points)]


def store(home: Path, kind: Kind, made: Sample) -> None:
    """Write the sample of a landscape into the folder of its cell."""
    write_json(home / kind.file, made._asdict())


def stored(folder: Path, cell: Cell, kind: Kind) -> Sample | None:
    """Read the sample of a cell; None if it was not made.

    Raises:
        BadInputError: if the file cannot be read.
    """
    path = cell_folder(folder, cell) / kind.file
    content = read_json(path)
    if content is None:
        return None
    try:
        abundances = {int(times): number for times, number in content["abundances"].items()}
        return Sample(**{**content, "abundances": abundances})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        remedy = f"delete it, and the {kind.name} are counted again"
        raise BadInputError(
            str(path), f"is not a file of {kind.name} ({error!r})", remedy
        ) from error
