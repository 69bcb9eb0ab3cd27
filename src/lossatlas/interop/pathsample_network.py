"""Energies and links of a database of GMIN, OPTIM and PATHSAMPLE, which suffice to draw a tree.

Of ``min.data`` only the first column is read, the energy. Of ``ts.data`` the energy and the numbers
of two minima are read: columns 1, 4 and 5, or columns 1, 2 and 3 of a table of three columns. The
other columns depend on the program and its version, and may hold anything, such as more or fewer
moments of inertia, or a determinant that did not fit its column (``****``). No points files are
needed.

Numbers are written as in Fortran: ``1.5``, ``1.0D-3``, ``1.0E-3``, and ``0.15-103``, whose exponent
leaves no room for its letter.

Reference: PATHSAMPLE and disconnectionDPS, http://www-wales.ch.cam.ac.uk/software.html.
"""

import math
import re
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from lossatlas.errors import BadInputError
from lossatlas.interop.pathsample import MINIMUM_RECORD, TRANSITION_STATE_RECORD
from lossatlas.network.disconnectivity import ROUNDING
from lossatlas.network.points import Network

NUMBER = re.compile(
    r"(?P<digits>[+-]?(\d+\.?\d*|\.\d+))"
    r"([EeDdQq](?P<exponent>[+-]?\d+)|(?<=[.\d])(?P<bare_exponent>[+-]\d{3}))?"
)
STARS = re.compile(r"\*+")
"""What Fortran prints for a number that does not fit its column."""


def read_network(min_data: str | Path, ts_data: str | Path) -> Network:
    """Read the energies and links of a database.

    Args:
        min_data: the table of minima, ``min.data``, with one minimum in each line.
        ts_data: the table of transition states, ``ts.data``, which may be empty.

    Returns:
        The network without weights. Ids are line numbers, from 1.

    Raises:
        BadInputError: if a file is missing or is not a text file, the energy or the links of a line
            cannot be read, an energy is not finite, or a transition state joins a minimum which
            does not exist or lies above it. The message names the line.

    Examples:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "min.data").write_text("-1.5 10.0\\n-1.0D0 ****\\n")
        >>> _ = (folder / "ts.data").write_text("-0.5 12.0 1 1 2\\n")
        >>> network = read_network(folder / "min.data", folder / "ts.data")
        >>> network.minimum_energies.tolist(), network.minimum_2.tolist()
        ([-1.5, -1.0], [1])
    """
    minima, states = Path(min_data).expanduser(), Path(ts_data).expanduser()
    energies = np.array([_minimum(where, text) for where, text in _lines(minima)])
    if not energies.size:
        raise BadInputError(str(minima), "there are no minima in it", "give one line a minimum")
    rows = [_transition_state(where, text, energies) for where, text in _lines(states)]
    return Network.of_pairs(
        energies,
        np.array([energy for energy, _, _ in rows], np.float64),
        np.array([first for _, first, _ in rows], np.int64),
        np.array([second for _, _, second in rows], np.int64),
    )


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of a file, each with its file and number for messages."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise BadInputError(str(path), "no such file", "check the path") from error
    except OSError as error:
        raise BadInputError(str(path), f"cannot be read ({error.strerror})", "check it") from error
    except UnicodeDecodeError as error:
        problem = "is not a text file"
        raise BadInputError(str(path), problem, "give min.data and ts.data") from error
    for number, line in enumerate(text.rstrip().splitlines() if text.strip() else (), 1):
        where = f"{path}: line {number}"
        if not line.strip():
            remedy = "remove it; lines number the points"
            raise BadInputError(where, "it is empty", remedy)
        yield where, line


def _minimum(where: str, line: str) -> float:
    fields = _fields(line, MINIMUM_RECORD)
    if len(fields) >= 5 and all(field.isdigit() for field in fields[3:5]):
        problem = "it has the numbers of two minima in columns 4 and 5, as lines of ts.data have"
        raise BadInputError(where, problem, "give min.data first, then ts.data")
    return _energy(where, fields[0], "correct it; keep the line, since lines number the minima")


def _transition_state(where: str, line: str, energies: np.ndarray) -> tuple[float, int, int]:
    fields = _fields(line, TRANSITION_STATE_RECORD)
    if len(fields) not in (3, *range(5, 100)):
        problem = (
            f"it has {len(fields)} columns; the minima stand in columns 4 and 5, or 2 and 3 of 3"
        )
        raise BadInputError(where, problem, "restore the line, or remove it")
    energy = _energy(where, fields[0], "correct it, or remove the line")
    first, second = (
        _link(where, field, energies.size)
        for field in (fields[1:3] if len(fields) == 3 else fields[3:5])
    )
    floor = float(max(energies[first], energies[second]))
    if energy < floor - ROUNDING * max(1.0, abs(floor)):
        problem = f"its energy {energy:.12g} is below that of a minimum that it joins, {floor:.12g}"
        raise BadInputError(where, problem, "correct the link, or remove the line")
    return energy, first, second


def _fields(line: str, widths: tuple[int, ...]) -> list[str]:
    """The columns of a line, by their widths if numbers that fill their columns touch."""
    line = line.rstrip("\r\n")
    if len(line) == sum(widths) and len(line.split()) != len(widths):
        return [line[a:b].strip() for a, b in pairwise(accumulate(widths, initial=0))]
    return STARS.sub(" * ", line).split()


def _energy(where: str, text: str, remedy: str) -> float:
    value = _number(text)
    if value is None:
        what = "did not fit its column (****)" if text.startswith("*") else f"{text!r} is no number"
        raise BadInputError(where, f"its energy {what}", remedy)
    if not math.isfinite(value):
        raise BadInputError(where, f"its energy is {text}", remedy)
    return value


def _number(text: str) -> float | None:
    """The value of a number that Fortran wrote; None if the text is not a number."""
    if text.strip("+-").lower() in ("nan", "inf", "infinity"):
        return math.nan
    found = NUMBER.fullmatch(text)
    if not found:
        return None
    return float(f"{found['digits']}e{found['exponent'] or found['bare_exponent'] or 0}")


def _link(where: str, text: str, n_minima: int) -> int:
    if not text.isdecimal() or not text.isascii():
        what = "a number that did not fit its column (****)" if "*" in text else repr(text)
        problem = f"it has {what} where the number of a minimum is expected"
        raise BadInputError(where, problem, "restore the line, or remove it")
    if not 1 <= int(text) <= n_minima:
        problem = f"it joins minimum {int(text)}, and min.data has minima 1 to {n_minima}"
        raise BadInputError(where, problem, "use the min.data written with this ts.data")
    return int(text) - 1
