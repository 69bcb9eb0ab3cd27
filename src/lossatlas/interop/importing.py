"""Import of a database of PATHSAMPLE into an atlas, with all points and links computed again.

The points of the database are polished by Newton's method and certified, and from each transition
state both paths are followed by gradient flow. Differences from what the database says are
reported. The number of the line that a minimum came from is stored in the column ``source_line``.
"""

import platform
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lossatlas.atlas import Atlas, Attempt
from lossatlas.atlas.contents import check_landscape
from lossatlas.errors import BadInputError, Status
from lossatlas.interop.pathsample import read_database
from lossatlas.landscape.base import Landscape
from lossatlas.lanes.engine import Engine
from lossatlas.network.links import side_pairs
from lossatlas.network.points import Network
from lossatlas.search.certify import Certificate, certified
from lossatlas.search.identity import same_point
from lossatlas.search.outcome import Cost, Outcome, Pathway, StationaryPoint
from lossatlas.search.pathway import follow
from lossatlas.search.tools import Tools, default_tools

BATCH = 200
"""Number of attempts in one commit."""
SAME_ENERGY = 1e-6
"""Relative difference of losses up to which they are equal within the precision of the source."""


class Imported(NamedTuple):
    """The result of `import_database`.

    Attributes:
        minima: number of minima of the source that are in the atlas now.
        transition_states: number of transition states of the source that are in the atlas now.
        differences: one sentence for each difference from what the source says.

    Examples:
        >>> Imported(minima=11, transition_states=30, differences=()).minima
        11
    """

    minima: int
    transition_states: int
    differences: tuple[str, ...]


class _Read(NamedTuple):
    """The result for one line of a table.

    Attributes:
        outcome: the outcome that is stored; None if there is none.
        points: the minimum of the line, or the minima at the ends of its transition state.
        wrong: one sentence for each difference from the line.
    """

    outcome: Outcome | None
    points: tuple[StationaryPoint, ...]
    wrong: list[str]


def import_database(
    folder: str | Path,
    atlas: Atlas,
    landscape: Landscape,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Imported:
    """Certify the points of a database, follow its links, and store the results in an atlas.

    Args:
        folder: the folder with ``min.data``, ``points.min``, ``ts.data`` and ``points.ts``.
        atlas: an open atlas of the landscape; points that it holds already are not stored twice.
        landscape: the landscape of the network that the database was made for, with the weights in
            the order of `lossatlas.interop.pathsample`.
        report: called with the number of points that are done and their total; by default nothing
            is reported.

    Raises:
        OtherLandscapeError: if the atlas holds another landscape; nothing is read then.
        BadInputError: for the reasons of `read_database`; nothing is stored then.
        AtlasError: if the atlas cannot be written.

    Examples:
        >>> import tempfile
        >>> import lossatlas as la
        >>> from lossatlas.interop import write_database
        >>> from lossatlas.testing import six_hump_camel
        >>> folder = tempfile.mkdtemp()
        >>> camel = la.FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel")
        >>> atlas = la.explore(camel, f"{folder}/1.atlas", transition_states=3, progress=False)
        >>> write_database(folder, atlas.network(with_weights=True))
        >>> again = la.Atlas.create(f"{folder}/2.atlas", la.Problem(camel.fingerprint()))
        >>> import_database(folder, again, camel).differences
        ()
    """
    with atlas.reading() as connection:
        check_landscape(connection, landscape.fingerprint(), atlas.name)
    network = read_database(folder, landscape.n_weights)
    minimum_weights, state_weights = network.minimum_weights, network.transition_state_weights
    if minimum_weights is None or state_weights is None:
        raise BadInputError(str(folder), "it holds no weights", "give points.min and points.ts")
    tools = default_tools(landscape)
    lines = _distinct(network, state_weights)
    searches = [
        *(_minimum(tools, network, k, w) for k, w in enumerate(minimum_weights)),
        *(_state(tools, network, k, state_weights[k]) for k in lines),
    ]
    found: dict[int, _Read] = {}
    for position, read in Engine(landscape.surface).run(searches):
        found[position] = read
        report(len(found), len(searches))
    n = len(minimum_weights)
    _compare_links(network, lines, found, n)
    _store(atlas, str(folder), found, [*range(1, n + 1), *(k + 1 for k in lines)], n)
    kept = [position for position, read in found.items() if read.outcome is not None]
    wrong = tuple(text for position in sorted(found) for text in found[position].wrong)
    return Imported(sum(k < n for k in kept), sum(k >= n for k in kept), wrong)


def _distinct(network: Network, weights: np.ndarray) -> list[int]:
    """Positions of the first line of each transition state.

    A transition state that joins more than two minima has several lines.
    """
    _, first = np.unique(weights, axis=0, return_index=True)
    del network
    return sorted(first.tolist())


def _projected(tools: Tools, w: np.ndarray) -> np.ndarray:
    modes = tools.landscape.excluded_modes
    return w - modes.T @ (modes @ w)


def _minimum(
    tools: Tools, network: Network, line: int, w: np.ndarray
) -> Generator[Any, Any, _Read]:
    name, energy = f"minimum of line {line + 1}", float(network.minimum_energies[line])
    certificate: Certificate = yield from certified(tools, _projected(tools, w))
    wrong = _differences(name, certificate, energy, 0)
    point = certificate.point
    if point is None or point.index != 0:
        return _Read(None, (), wrong)
    outcome = Outcome(Status.CONVERGED, certificate.cost, minima=(point,))
    return _Read(outcome, (point,), wrong)


def _state(tools: Tools, network: Network, line: int, w: np.ndarray) -> Generator[Any, Any, _Read]:
    name = f"transition state of line {line + 1}"
    energy = float(network.transition_state_energies[line])
    certificate: Certificate = yield from certified(tools, _projected(tools, w))
    wrong = _differences(name, certificate, energy, 1)
    point = certificate.point
    if point is None or point.index != 1:
        return _Read(None, (), wrong)
    followed = yield from follow(tools, point, certificate.modes[0])
    cost: Cost = certificate.cost + followed.cost
    if followed.status is not Status.CONVERGED:
        status = followed.status.name.lower().replace("_", " ")
        return _Read(None, (), [*wrong, f"{name}: a path from it leads nowhere ({status})"])
    pathways: tuple[Pathway, ...] = tuple(followed.pathways)
    ends = tuple(end.minimum for end in pathways[-1].ends)
    return _Read(Outcome(Status.CONVERGED, cost, pathways=pathways), ends, wrong)


def _differences(name: str, certificate: Certificate, energy: float, index: int) -> list[str]:
    point = certificate.point
    if point is None:
        status = certificate.status.name.lower().replace("_", " ")
        return [f"{name}: it cannot be certified ({status})"]
    if point.index != index:
        return [f"{name}: its Hessian index is {point.index}, not {index}"]
    if abs(point.energy - energy) > SAME_ENERGY * max(1.0, abs(energy)):
        return [f"{name}: its loss is {point.energy:.10g}, the source says {energy:.10g}"]
    return []


def _compare_links(network: Network, lines: list[int], found: dict[int, _Read], n: int) -> None:
    """Report transition states that join other minima than the source says."""
    pairs = side_pairs(network.links)
    for position, line in enumerate(lines, n):
        read = found[position]
        if read.outcome is None:
            continue
        here = pairs.transition_state == line
        told = {*pairs.minimum_1[here].tolist(), *pairs.minimum_2[here].tolist()}
        expected = [found[k].points[0] for k in told if found[k].points]
        missing = [p for p in expected if not any(same_point(p, end) for end in read.points)]
        if missing or len(expected) < len(told):
            names = ", ".join(str(k + 1) for k in sorted(told))
            read.wrong.append(
                f"transition state of line {line + 1}: its paths do not lead to the minima of the "
                f"lines {names}"
            )


def _store(atlas: Atlas, source: str, found: dict[int, _Read], numbers: list[int], n: int) -> None:
    """Commit the outcomes, and the number of the line that each minimum came from."""
    options = {"import": source, "strategies": ["import"]}
    run = atlas.start_run(options, 0, {"python": platform.python_version()}, "cpu")
    attempts = [
        Attempt(
            "import",
            (),
            f"{'minimum' if k < n else 'transition state'} of line {numbers[k]}",
            outcome,
        )
        for k in sorted(found)
        if (outcome := found[k].outcome) is not None
    ]
    for start in range(0, len(attempts), BATCH):
        atlas.commit(run, attempts[start : start + BATCH], f"run {run} batch {start}")
    atlas.finish_run(run, "imported")
    atlas.set_property("source_line", _source_lines(atlas, found, n))


def _source_lines(atlas: Atlas, found: dict[int, _Read], n: int) -> dict[int, float]:
    from lossatlas.atlas import schema
    from lossatlas.exploration.stored_points import StoredPoints

    with atlas.reading() as connection:
        stored = StoredPoints(connection, schema.minimum)
    lines: dict[int, float] = {}
    for k in range(n):
        if found[k].points:
            identity = stored.recognized(found[k].points[0])
            lines.setdefault(int(identity), float(k + 1))
    return {identity: line for identity, line in lines.items() if identity > 0}
