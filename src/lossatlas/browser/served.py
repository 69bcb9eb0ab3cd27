"""An atlas that the server shows: it is only read, and followed while other programs write.

Reading a large atlas takes several seconds, in which no page would be answered. It is therefore
read in a thread of its own, and pages show what was read last.
"""

import threading
import time
from collections import Counter
from concurrent.futures import Future, wait
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossatlas.atlas import Atlas, contents, database, schema
from lossatlas.atlas.log import read_log_columns
from lossatlas.browser.engine import contents_of
from lossatlas.browser.leaves import Leaves, leaves_of
from lossatlas.errors import AtlasError, BadInputError
from lossatlas.network.points import Network

if TYPE_CHECKING:
    from lossatlas.landscape.network_landscape import NetworkLandscape

LOCK_SECONDS = 5.0
"""Time in seconds to wait for transactions of other programs."""
PATIENCE = 20
"""The pause between two readings of an atlas is at least this many times as long as a reading."""
SHORTEST = 1.0
"""Shortest pause between two readings of an atlas, in seconds."""


class State(NamedTuple):
    """The content of an atlas at one time, as it is shown.

    Attributes:
        network: the points that are shown.
        leaves: the row of leaves of the network; None if there are no minima.
        packed: the properties of `TreeData` that follow from the row.
    """

    network: Network
    leaves: Leaves | None
    packed: dict[str, Any]


class Targets(NamedTuple):
    """Items of which a network predicts numbers.

    Attributes:
        inputs: (items, features) inputs.
        scaled: (items, outputs) the numbers as the network is to predict them.
        shift: (outputs,) number that was subtracted before scaling.
        factor: (outputs,) number by which was divided.
        names: names of the numbers; possibly none.
    """

    inputs: np.ndarray
    scaled: np.ndarray
    shift: np.ndarray
    factor: np.ndarray
    names: list[str]

    def in_units(self, scaled: np.ndarray) -> np.ndarray:
        """Numbers in the units of the data."""
        return scaled * self.factor + self.shift


class ServedAtlas:
    """One atlas of the server, which all pages share.

    Args:
        target: path or URL of the atlas.
        outside: whether to show points outside of the box of a function too; default False.

    Raises:
        BadInputError: there is no atlas, or an older lossatlas wrote it, so that opening it would
            upgrade it.
        AtlasError: the atlas cannot be read.
    """

    def __init__(self, target: str, *, outside: bool = False) -> None:
        _refuse_older(target)
        self.atlas = Atlas.open(target, seconds=LOCK_SECONDS)
        self.name, self.outside = self.atlas.name, outside
        self._file = None if "://" in target else Path(target).expanduser()
        self._inode = self._identity()
        self._state: State | None = None
        self._reading: Future[None] | None = None
        self._strategies, self._last_attempt = (Counter[str](), Counter[str]()), 0
        self._next_look = 0.0
        self._failure: Exception | None = None

    def state(self) -> State:
        """The content of the atlas a short time ago; the first call waits until it is read.

        Raises:
            BadInputError: its file is gone, another file is in its place, or its content is wrong.
            AtlasError: the atlas cannot be read.
        """
        found = self.latest()
        while found is None:
            found = self.latest(wait_seconds=SHORTEST)
        return found

    def latest(self, wait_seconds: float = 0.0) -> State | None:
        """The content of the atlas when it was read last; None as long as it was never read.

        If that was some time ago, it is read again in the background, for later calls.

        Args:
            wait_seconds: longest time to wait for a reading that goes on; default 0, do not wait.

        Raises:
            BadInputError: its file is gone, another file is in its place, or its content is wrong.
            AtlasError: the atlas cannot be read.
        """
        self.check_there()
        ended = self._reading is None or self._reading.done()
        if ended and time.monotonic() >= self._next_look:
            self._reading = Future()
            # A daemon, so that the program can end while a large atlas is read.
            threading.Thread(target=self._read, args=(self._reading,), daemon=True).start()
        if self._reading is not None and wait_seconds > 0:
            wait([self._reading], wait_seconds)
        if self._failure is not None:
            raise self._failure
        return self._state

    def _read(self, reading: Future[None]) -> None:
        begun = time.monotonic()
        try:
            network = self.atlas.network(outside=self.outside)
            if self._state is None or network is not self._state.network:
                self._state = _state_of(network)
            self._failure = None
        except Exception as error:
            self._failure = error  # Pages show it, until a later reading succeeds.
        now = time.monotonic()
        self._next_look = now + max(SHORTEST, PATIENCE * (now - begun))
        reading.set_result(None)
        _ = self.landscape  # Made here, so that nobody waits for it after a click.

    def strategies(self) -> tuple[Counter[str], Counter[str]]:
        """The numbers of attempts and of new points so far, by strategy.

        Only the part of the log that is new since the last call is read.
        """
        made, found = self._strategies
        log = read_log_columns(self.atlas, self._last_attempt)
        made.update(log.strategy)
        new = (log.new_minima + log.new_transition_states).tolist()
        for name, points in zip(log.strategy, new, strict=True):
            found[name] += points
        if log.id.size:
            self._last_attempt = int(log.id[-1])
        return made, found

    def check_there(self) -> None:
        """Refuse to go on with a file that was deleted, whose open content is out of date.

        Raises:
            BadInputError: the file was deleted, moved or replaced.
        """
        if self._identity() != self._inode:
            problem = "was deleted, moved or replaced while it was served"
            raise BadInputError(self.name, problem, "start lossatlas serve again")

    @cached_property
    def landscape(self) -> "NetworkLandscape | None":
        """The landscape of a network; None for a function, which the atlas does not hold."""
        from lossatlas.studies.problem import landscape_of

        try:
            return landscape_of(self.atlas.problem)
        except (BadInputError, AtlasError):
            return None

    def items(self, group: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Inputs and labels of the group ``"train"`` or ``"test"``; None if it has no items."""
        arrays = self.atlas.problem.arrays
        names = f"{group}_inputs", f"{group}_labels"
        if not all(name in arrays and len(arrays[name]) for name in names):
            return None
        return arrays[names[0]], arrays[names[1]]

    def targets(self, group: str) -> Targets | None:
        """The numbers of the group ``"train"`` or ``"test"``; None if it has none."""
        arrays, about = self.atlas.problem.arrays, self.atlas.problem.specification
        inputs, scaled = (arrays.get(f"{group}_{name}") for name in ("inputs", "targets"))
        if inputs is None or scaled is None or not len(inputs):
            return None
        scaled = scaled.reshape(len(inputs), -1)
        scaling = about.get("target_scaling") or {}
        ends = np.asarray(scaling.get("shift", 0.0)), np.asarray(scaling.get("factor", 1.0))
        return Targets(inputs, scaled, *ends, [str(name) for name in about.get("targets", ())])

    @property
    def classes(self) -> list[str]:
        """The names of the classes; empty if there are none."""
        return [str(name) for name in self.atlas.problem.specification.get("classes", ())]

    def _identity(self) -> tuple[int, int] | None:
        if self._file is None:
            return None
        try:
            found = self._file.stat()
        except OSError:
            return (-1, -1)
        return found.st_dev, found.st_ino


def _state_of(network: Network) -> State:
    if network.minimum_ids.size == 0:
        return State(network, None, {})
    leaves = leaves_of(network)
    return State(network, leaves, contents_of(leaves))


def _refuse_older(target: str) -> None:
    """Refuse an atlas of an older version: opening it would upgrade it, and the server only reads.

    Raises:
        BadInputError: there is no atlas that can be opened, or it is of an older version.
        AtlasError: the atlas cannot be read.
    """
    connected = database.connect(target, LOCK_SECONDS, may_create=False)
    try:
        with database.reading(connected.engine, connected.name) as connection:
            version = contents.version_of(connection, connected.name)
    finally:
        database.disconnect(connected, written=False)
    if version is not None and version < schema.SCHEMA_VERSION:
        problem = f"was written by an older lossatlas (schema version {version})"
        remedy = f"lossatlas status {connected.name} upgrades it, and keeps a copy"
        raise BadInputError(connected.name, problem, remedy)
