"""How long compilations take: a compilation cannot be cut, so a time limit has to know beforehand.

What is known comes from three places: the code that this process has compiled, a small file that
earlier processes have left in JAX's folder of compiled code, and for a kernel that was never
compiled here the others of the same landscape.
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
"""One line a kernel and landscape, in JAX's folder of compiled code."""
LARGEST = 2**20
"""Bytes of this file; a longer one is begun anew."""
GROWTH = 2.0
"""A kernel that was never compiled takes at most so many times as long as the longest of those
before: the searches of an exploration begin with the simple ones."""
LOADED = 0.5
"""Part of the time of a compilation that reading its result from the folder takes at most."""
SLOWEST = 4.0
"""At most so many times as long as noted is expected on a machine that is busier than then."""
CHANGED = 1.3
"""A time is noted again if it is longer or shorter by this factor."""

_compiled: set[tuple[Any, ...]] = set()
"""What this process has compiled: kernels, each with all that its code depends on. Not the names
of landscapes: two functions of a user may share one."""


class Entry(NamedTuple):
    """What is known of one kernel and landscape.

    Attributes:
        seconds: until the first device call returned, the last time.
        loaded: whether its code came from JAX's folder that time; False: it was compiled.
    """

    seconds: float
    loaded: bool


class Forecast:
    """How long the kernels of one landscape will take to compile.

    Args:
        surface: the compiled half of the landscape.
        folder: of compiled code; default the one that JAX uses, if it uses one.

    Examples:
        >>> forecast = Forecast(surface)                             # doctest: +SKIP
        >>> forecast.note(kernel, 1, 2.5)                            # doctest: +SKIP
        >>> forecast.seconds(kernel, 1), forecast.seconds(other, 1)  # doctest: +SKIP
        (0.0, 5.0)
    """

    def __init__(self, surface: Surface, folder: Path | None = None) -> None:
        """Read what earlier processes have noted."""
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
        """How long the first device call of a kernel will take; 0 if nothing is known.

        For each number of lanes code is compiled anew.
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
        """Remember how long the first device call of a kernel took, compilation included."""
        if (kernel, lanes, self.compiled_for) in _compiled:
            return
        name = _name(kernel, lanes)
        known = self.entries.get(name)
        if known is not None:  # the machine may be busier than it was
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
    """A short name of a text, in which addresses of objects do not count."""
    return hashlib.sha256(re.sub(r"0x[0-9a-f]+", "", text).encode()).hexdigest()[:16]


def _read(file: Path, landscape: str) -> dict[str, Entry]:
    """The last entry of each kernel of a landscape; lines that cannot be read are left out."""
    entries: dict[str, Entry] = {}
    try:
        if file.stat().st_size > LARGEST:
            file.unlink()
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):  # not there yet, or not ours to read: nothing is known
        return entries
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):  # cut short by a crash
            row = json.loads(line)
            if row["landscape"] == landscape:
                entries[row["kernel"]] = Entry(float(row["seconds"]), bool(row["loaded"]))
    return entries


def _append(file: Path, landscape: str, name: str, entry: Entry) -> None:
    row = {"landscape": landscape, "kernel": name, **entry._asdict()}
    row["seconds"] = round(entry.seconds, 3)
    with suppress(OSError), file.open("a", encoding="utf-8") as stream:  # it saves time, no more
        stream.write(json.dumps(row) + "\n")
