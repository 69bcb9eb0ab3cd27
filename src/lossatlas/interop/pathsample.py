"""Databases of the Fortran programs GMIN, OPTIM and PATHSAMPLE: reading and writing.

A database is a folder with four files. Line k of a table and record k of the points file beside
it describe the same stationary point; the line number, from 1, is its only name.

    min.data     (2F25.15,I6,3F20.10)   energy, ln of the product of the positive Hessian
                                        eigenvalues, point group order, moments of inertia
    ts.data      (2F25.15,3I10,3F20.10) the same with the two minima after the point group order
    points.min   little-endian float64 without a header: the weights
    points.ts    likewise
    dinfo        what disconnectionDPS reads: the levels of the tree, and the names of the tables

The training data are in the file ``MLPdata``, with one line for each item: the class, counted from
0, and then the inputs. Weights have the order of the landscape (inner weights by hidden unit, outer
weights by output, hidden biases, output biases), so records are exchanged unchanged.

Point group order and moments of inertia describe molecules; for networks they are 1. They are
ignored when a database is read, and written as 1. Line numbers become ids.

A line of ``ts.data`` has room for two minima. A transition state whose sides reach more is written
as several lines with the same energy and weights: one for each minimum on the plus side with each
minimum on the minus side. Every line is a path that exists, and all minima stay joined at the same
energy, so that trees and barriers are the same. The number of transition states is larger, and so
are rates that are summed over lines.

Reference: PATHSAMPLE, http://www-wales.ch.cam.ac.uk/software.html.
"""

from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lossatlas.errors import BadInputError
from lossatlas.network.links import side_pairs
from lossatlas.network.points import Network

MINIMUM_RECORD = (25, 25, 6, 20, 20, 20)
"""Widths of the columns of `min.data`."""
TRANSITION_STATE_RECORD = (25, 25, 10, 10, 10, 20, 20, 20)
"""Widths of the columns of `ts.data`."""
LOG_DETERMINANT = "log_determinant"
FILES = ("min.data", "points.min", "ts.data", "points.ts")
TREE_SETTINGS, TREE_LEVELS = "dinfo", 61
"""The file that disconnectionDPS reads, and how many levels it draws."""


class TrainingData(NamedTuple):
    """The items of an `MLPdata` file.

    Attributes:
        inputs: (items, k) inputs of each item.
        labels: (items,) classes, counted from 0.
    """

    inputs: Float[np.ndarray, "items k"]
    labels: Int[np.ndarray, " items"]


def read_database(folder: str | Path, n_weights: int | None = None) -> Network:
    """Read `min.data`, `points.min`, `ts.data` and `points.ts` from a folder.

    Args:
        folder: the folder with the four files.
        n_weights: number of weights that a record must have; by default None, as many as the sizes
            of the files imply.

    Returns:
        The network with all weights. Ids are line numbers, from 1; the plus side of a transition
        state is side 0; the column ``log_determinant`` of minima and of transition states is the
        sum of ln of their positive Hessian eigenvalues.

    Raises:
        BadInputError: if a file is missing, a line is not a record, an energy or a weight is not
            finite, a minimum is not in `min.data`, or the tables and points files do not match.

    Examples:
        >>> import tempfile
        >>> network = Network.of_pairs(
        ...     [0.1, 0.2], [0.9], [0], [1], {LOG_DETERMINANT: np.array([3.0, 4.0])}
        ... ).with_values(
        ...     transition_state_columns={LOG_DETERMINANT: np.array([2.0])},
        ...     minimum_weights=np.zeros((2, 5)), transition_state_weights=np.ones((1, 5)),
        ... )
        >>> folder = tempfile.mkdtemp()
        >>> write_database(folder, network)
        >>> read_database(folder, n_weights=5).minimum_energies.tolist()
        [0.1, 0.2]
    """
    folder = Path(folder)
    minima = _read_table(folder / "min.data", MINIMUM_RECORD)
    if len(minima) == 0:
        raise BadInputError(str(folder / "min.data"), "no minima", "give at least one line")
    states = _read_table(folder / "ts.data", TRANSITION_STATE_RECORD)
    weights = _read_points(folder / "points.min", len(minima), n_weights)
    plus, minus = (_links(folder / "ts.data", states[:, k], len(minima)) for k in (3, 4))
    network = Network.of_pairs(minima[:, 0], states[:, 0], plus, minus)
    return network.with_values(
        columns={LOG_DETERMINANT: minima[:, 1]},
        transition_state_columns={LOG_DETERMINANT: states[:, 1]},
        minimum_weights=weights,
        transition_state_weights=_read_points(folder / "points.ts", len(states), weights.shape[1]),
    )


def write_database(folder: str | Path, network: Network) -> None:
    """Write the four files of a database into an existing folder that holds none of them.

    Points are numbered in the order of their ids. When the files are read again, weights and links
    are exactly the same, and energies agree to the 15 decimals that are printed.

    Args:
        folder: the folder for the files.
        network: a network with weights and the columns ``log_determinant`` of minima and transition
            states, for example ``atlas.network(with_weights=True)``.

    Raises:
        BadInputError: if the folder does not exist, one of the files does, weights or a column are
            missing, or a number does not fit the Fortran format.

    Examples:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> network = Network.of_pairs(
        ...     [0.1, 0.2], [0.9], [0], [1], {LOG_DETERMINANT: np.array([3.0, 4.0])}
        ... ).with_values(
        ...     transition_state_columns={LOG_DETERMINANT: np.array([2.0])},
        ...     minimum_weights=np.zeros((2, 5)), transition_state_weights=np.ones((1, 5)),
        ... )
        >>> write_database(folder, network)
        >>> sorted(path.name for path in Path(folder).iterdir())
        ['min.data', 'points.min', 'points.ts', 'ts.data']
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInputError(str(folder), "not a folder", "create it first")
    for name in FILES:
        if (folder / name).exists():
            raise BadInputError(str(folder / name), "exists already", "choose another folder")
    weights, state_weights = _weights(network)
    lines = side_pairs(network.links)
    logs = _log_determinants(network)
    minima = zip(network.minimum_energies, logs[0], strict=True)
    states = zip(
        network.transition_state_energies[lines.transition_state],
        logs[1][lines.transition_state],
        lines.minimum_1 + 1,
        lines.minimum_2 + 1,
        strict=True,
    )
    tables = {
        "min.data": [_record(energy, log, f"{1:6d}") for energy, log in minima],
        "ts.data": [
            _record(energy, log, f"{1:10d}{plus:10d}{minus:10d}")
            for energy, log, plus, minus in states
        ],
    }
    for name, records in tables.items():
        (folder / name).write_text("".join(records), encoding="ascii", newline="\n")
    weights.astype("<f8").tofile(folder / "points.min")
    state_weights[lines.transition_state].astype("<f8").tofile(folder / "points.ts")


def write_tree_settings(folder: str | Path, network: Network) -> None:
    """Write `dinfo` beside a database, so that disconnectionDPS draws its tree as it stands.

    The levels are evenly spaced from just above the highest point down to the lowest minimum.

    Args:
        folder: of the database, where no `dinfo` may be.
        network: that was written there.

    Raises:
        BadInputError: if the file exists, or all points have one loss.
    """
    path = Path(folder) / TREE_SETTINGS
    if path.exists():
        raise BadInputError(str(path), "exists already", "choose another folder")
    losses = np.concatenate([network.minimum_energies, network.transition_state_energies])
    lowest, highest = float(losses.min()), float(losses.max())
    spacing = (highest - lowest) / (TREE_LEVELS - 1)
    if spacing <= 0.0:
        raise BadInputError("network", "all points have the same loss", "explore for longer")
    settings = {
        "DELTA": f"{spacing:.15f}",
        "FIRST": f"{highest + 0.5 * spacing:.15f}",
        "LEVELS": TREE_LEVELS,
        "MINIMA": "min.data",
        "TS": "ts.data",
        "CENTREGMIN": "",
        "LABELFORMAT": "F10.6",
    }
    text = "".join(f"{key} {value}".rstrip() + "\n" for key, value in settings.items())
    path.write_text(text, encoding="ascii", newline="\n")


def read_training_data(path: str | Path) -> TrainingData:
    """Read an `MLPdata` file, whose values are separated by blanks or tabs.

    Args:
        path: the file.

    Raises:
        BadInputError: if the file is missing or empty, a line has another number of columns than
            the first, a value is not a finite number, or a class is not an integer from 0.
    """
    path = Path(path)
    rows = [line.split() for line in _lines(path)]
    if not rows or len(rows[0]) < 2:
        raise BadInputError(f"{path}, line 1", "no item", "give a class and inputs on each line")
    table = np.array([_numbers(path, k, row, len(rows[0])) for k, row in enumerate(rows, 1)])
    for column in range(table.shape[1]):
        _check_finite(path, table[:, column], "class" if column == 0 else f"input {column}")
    labels = table[:, 0].astype(np.int64)
    bad = np.flatnonzero((labels != table[:, 0]) | (labels < 0))
    if bad.size:
        raise BadInputError(
            f"{path}, line {bad[0] + 1}", f"class {table[bad[0], 0]:g}", "number classes from 0"
        )
    return TrainingData(table[:, 1:], labels)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(str(path), f"cannot be read ({error})", "check the path") from error


def _read_table(path: Path, widths: tuple[int, ...]) -> Float[np.ndarray, "records columns"]:
    rows = [
        _numbers(path, number, _fields(line, widths), len(widths))
        for number, line in enumerate(_lines(path), 1)
    ]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(widths))
    _check_finite(path, table[:, 0], "energy")
    return table


def _fields(line: str, widths: tuple[int, ...]) -> list[str]:
    """The columns of a record, by their widths if numbers that fill their columns touch."""
    fields = line.split()
    if len(fields) == len(widths) or len(line) != sum(widths):
        return fields
    return [line[a:b] for a, b in pairwise(accumulate(widths, initial=0))]


def _numbers(path: Path, number: int, fields: list[str], n_columns: int) -> list[float]:
    where = f"{path}, line {number}"
    if len(fields) != n_columns:
        raise BadInputError(
            where, f"{len(fields)} columns instead of {n_columns}", "restore the line"
        )
    try:
        return [float(field.upper().replace("D", "E")) for field in fields]
    except ValueError as error:
        raise BadInputError(where, f"not a number ({error})", "restore the line") from error


def _check_finite(path: Path, values: np.ndarray, name: str) -> None:
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise BadInputError(
            f"{path}, line {bad[0] + 1}", f"{name} is {values[bad[0]]}", "remove the line"
        )


def _links(path: Path, numbers: np.ndarray, n_minima: int) -> Int[np.ndarray, " t"]:
    whole = np.isfinite(numbers) & (numbers == np.floor(numbers))
    bad = np.flatnonzero(~whole | (numbers < 1) | (numbers > n_minima))
    if bad.size:
        raise BadInputError(
            f"{path}, line {bad[0] + 1}",
            f"minimum {numbers[bad[0]]:g} is not among the {n_minima} of min.data",
            "use the min.data written with this ts.data",
        )
    return numbers.astype(np.int64) - 1


def _read_points(path: Path, n_records: int, n_weights: int | None) -> Float[np.ndarray, "p n"]:
    try:
        values = np.frombuffer(path.read_bytes(), dtype="<u1")
    except OSError as error:
        raise BadInputError(str(path), f"cannot be read ({error})", "check the path") from error
    length = values.size // max(n_records, 1) // 8 if n_weights is None else n_weights
    if values.size != n_records * length * 8 or length == 0:
        expected = "whole records" if n_weights is None else f"{n_weights} weights each"
        raise BadInputError(
            str(path),
            f"{values.size} bytes do not hold {n_records} records of {expected}",
            "use the file written with this table and network",
        )
    points = values.view("<f8").astype(np.float64).reshape(n_records, length)
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if bad.size:
        raise BadInputError(
            f"{path}, record {bad[0] + 1}", "a weight is not finite", "remove the point"
        )
    return points


def _record(energy: float, log_determinant: float, integers: str) -> str:
    first = f"{energy:25.15f}{log_determinant:25.15f}"
    if len(first) > 50 or not np.isfinite(energy):
        raise BadInputError(
            "network", f"{energy:g} or {log_determinant:g} does not fit F25.15", "leave it out"
        )
    return first + integers + f"{1.0:20.10f}" * 3 + "\n"


def _weights(network: Network) -> tuple[np.ndarray, np.ndarray]:
    weights, state_weights = network.minimum_weights, network.transition_state_weights
    if weights is None or state_weights is None:
        problem = "it has no weights"
        raise BadInputError("network", problem, "use atlas.network(with_weights=True)")
    if weights.ndim != 2 or (state_weights.size and state_weights.shape[1:] != weights.shape[1:]):
        shapes = f"weights of shapes {weights.shape} and {state_weights.shape}"
        raise BadInputError("network", shapes, "give one row of the same length a point")
    return weights, state_weights


def _log_determinants(network: Network) -> list[np.ndarray]:
    kinds = {"minima": network.columns, "transition states": network.transition_state_columns}
    for kind, columns in kinds.items():
        if LOG_DETERMINANT not in columns:
            remedy = "give the sum of ln of the positive Hessian eigenvalues"
            raise BadInputError("network", f"the {kind} have no column {LOG_DETERMINANT}", remedy)
    return [np.asarray(columns[LOG_DETERMINANT], np.float64) for columns in kinds.values()]
