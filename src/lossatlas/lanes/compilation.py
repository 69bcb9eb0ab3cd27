"""Forecasts of how long compilations take.

A compilation cannot be interrupted, so an exploration with a time limit has to know beforehand how
long it will take. Three things tell: the code that this process has compiled, a small file that
earlier processes have left in JAX's folder of compiled code, and, for a kernel that was never
compiled on this machine, the times of the other kernels of the same landscape.
"""

import hashlib
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import jax

from lossatlas.landscape.base import Surface

FILE = "lossatlas-seconds.jsonl"
"""Name of the file with the times, in JAX's folder of compiled code; it has one line for each."""
LARGEST = 2**20
"""Largest size of this file in bytes; a larger one is deleted."""
GROWTH = 2.0
"""A kernel that was never compiled is expected to take so many times as long as the slowest kernel
before, since the searches of an exploration begin with simple kernels."""
LOADED = 0.5
"""Largest part of the time of a compilation that reading its result from the folder takes."""
SLOWEST = 4.0
"""Largest factor by which a machine that is busier than before is expected to be slower."""
CHANGED = 1.3
"""A time is written again if it has become longer or shorter by this factor."""

_compiled: set[tuple[Any, ...]] = set()
"""What this process has compiled: kernels, each with everything that its code depends on. The name
of a landscape is not enough, since two functions of a user may have the same."""


class Entry(NamedTuple):
    """The time of one kernel on one landscape.

    Attributes:
        seconds: seconds until the first device call returned, the last time.
        loaded: whether its code was read from JAX's folder that time; False if it was compiled.
    """

    seconds: float
    loaded: bool


class Forecast:
    """Forecasts how long the kernels of one landscape will take to compile.

    Args:
        surface: the compiled half of the landscape.
        folder: folder of compiled code; by default the one that JAX uses, if it uses one.

    Examples:
        >>> import tempfile
        >>> from lossatlas import FunctionLandscape
        >>> wells = FunctionLandscape(lambda w: (w @ w - 1) ** 2, low=[-2], high=[2], name="wells")
        >>> forecast = Forecast(wells.surface, Path(tempfile.mkdtemp()))
        >>> forecast.note("quench", 1, 2.5)
        >>> forecast.seconds("quench", 1), forecast.seconds("climb", 1)
        (0.0, 5.0)
    """

    def __init__(self, surface: Surface, folder: Path | None = None) -> None:
        """Read the times that earlier processes have written."""
        configured = getattr(jax.config, "jax_compilation_cache_dir", None)
        folder = Path(configured) if folder is None and configured else folder
        self.file = None if folder is None else folder / FILE
        leaves = jax.tree.leaves(surface)
        shapes = [(jax.numpy.shape(x), str(getattr(x, "dtype", type(x)))) for x in leaves]
        structure = jax.tree.structure(surface)
        self.compiled_for = (structure, tuple(shapes))
        self.landscape = _short(f"{structure} {shapes}")
        self.entries = {} if self.file is None else _read(self.file, self.landscape)
        self.noted: list[float] = []
        self.slowness = 1.0

    def seconds(self, kernel: Any, lanes: int) -> float:
        """Return how many seconds the first device call of a kernel will take.

        It is 0 if its code is compiled already, or if no time of any kernel is known.

        Args:
            kernel: the kernel.
            lanes: number of vectorized lanes, for each of which there is separate code; else 1.
        """
        if (kernel, lanes, self.compiled_for) in _compiled:
            return 0.0
        name = _name(kernel, lanes)
        if name in self.entries:
            seconds, loaded = self.entries[name]
            return self.slowness * seconds * (1.0 if loaded else LOADED)
        compiled = [entry.seconds for entry in self.entries.values() if not entry.loaded]
        return GROWTH * max([*compiled, *self.noted], default=0.0)

    def note(self, kernel: Any, lanes: int, seconds: float) -> None:
        """Remember how long the first device call of a kernel took, compilation included.

        Args:
            kernel: the kernel.
            lanes: number of vectorized lanes; else 1.
            seconds: the time in seconds.
        """
        if (kernel, lanes, self.compiled_for) in _compiled:
            return
        name = _name(kernel, lanes)
        known = self.entries.get(name)
        if known is not None:
            # The machine may be busier than it was, which slows all compilations down.
            now = seconds / max(self.seconds(kernel, lanes), 1e-3)
            self.slowness = min(max(self.slowness, now), SLOWEST)
        else:
            self.noted.append(seconds)
        _compiled.add((kernel, lanes, self.compiled_for))
        if known is not None and known.loaded:
            changed = not 1 / CHANGED < seconds / max(known.seconds, 1e-3) < CHANGED
        else:
            changed = True
        if self.file is not None and changed:
            _append(self.file, self.landscape, name, Entry(seconds, known is not None))


def _name(kernel: Any, lanes: int) -> str:
    return f"{type(kernel).__name__}-{_short(repr(kernel))}" + (f"-{lanes}" if lanes > 1 else "")


def _short(text: str) -> str:
    """Return a short name of a text, whatever addresses of objects occur in it."""
    return hashlib.sha256(re.sub(r"0x[0-9a-f]+", "", text).encode()).hexdigest()[:16]


def _read(file: Path, landscape: str) -> dict[str, Entry]:
    """Read the last entry of each kernel of a landscape, without lines that cannot be read."""
    entries: dict[str, Entry] = {}
    try:
        if file.stat().st_size > LARGEST:
            file.unlink()
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):  # the file does not exist, or cannot be read
        return entries
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):  # a line that a crash has cut short
            row = json.loads(line)
            if row["landscape"] == landscape:
                entries[row["kernel"]] = Entry(float(row["seconds"]), bool(row["loaded"]))
    return entries


def _append(file: Path, landscape: str, name: str, entry: Entry) -> None:
    row = {"landscape": landscape, "kernel": name, **entry._asdict()}
    row["seconds"] = round(entry.seconds, 3)
    # The file only saves time, so an error of writing it does not matter.
    with suppress(OSError), file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")
