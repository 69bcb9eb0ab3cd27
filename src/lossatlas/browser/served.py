"""An atlas that is served: only read, followed while others write, and missed when it is gone."""

import time
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lossatlas.atlas import Atlas, contents, database, schema
from lossatlas.atlas.log import read_log_columns
from lossatlas.browser.engine import contents_of
from lossatlas.browser.leaves import Leaves, leaves_of
from lossatlas.errors import AtlasError, BadInputError
from lossatlas.landscape.network_landscape import NetworkLandscape
from lossatlas.network.points import Network
from lossatlas.studies.problem import landscape_of

LOCK_SECONDS = 5.0
PATIENCE = 20
"""So many times longer than reading an atlas took it is not read again."""
SHORTEST = 1.0
"""Seconds between two looks at an atlas at least."""


class State(NamedTuple):
    """What there is to show of an atlas at one time.

    Attributes:
        network: the points inside the box.
        leaves: its row; None where there are no minima.
        packed: what of `TreeData` follows from the row.
    """

    network: Network
    leaves: Leaves | None
    packed: dict[str, Any]


class ServedAtlas:
    """One atlas of the server; all sessions share it.

    Args:
        target: path or URL.
        outside: also points outside of the box of a function.

    Raises:
        BadInputError: there is no atlas, or it is of an older version, which reading would upgrade.
    """

    def __init__(self, target: str, *, outside: bool = False) -> None:
        _refuse_older(target)
        self.atlas = Atlas.open(target, seconds=LOCK_SECONDS)
        self.name, self.outside = self.atlas.name, outside
        self._file = None if "://" in target else Path(target).expanduser()
        self._inode = self._identity()
        self._state: State | None = None
        self._strategies, self._last_attempt = (Counter[str](), Counter[str]()), 0
        self._next_look = 0.0

    def state(self) -> State:
        """What the atlas holds, as of a short time ago.

        Raises:
            BadInputError: its file is gone or another one.
            AtlasError: it cannot be read.
        """
        self.check_there()
        now = time.monotonic()
        if self._state is None or now >= self._next_look:
            network = self.atlas.network(outside=self.outside)
            if self._state is None or network is not self._state.network:
                self._state = _state_of(network)
            spent = time.monotonic() - now
            self._next_look = time.monotonic() + max(SHORTEST, PATIENCE * spent)
        return self._state

    def strategies(self) -> tuple[Counter[str], Counter[str]]:
        """Attempts made so far, and new points found, by strategy; reads what is new of the log."""
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
        """Refuse to go on with a file that was deleted: its contents are still open, and stale.

        Raises:
            BadInputError: says so.
        """
        if self._identity() != self._inode:
            problem = "was deleted, moved or replaced while it was served"
            raise BadInputError(self.name, problem, "start lossatlas serve again")

    @cached_property
    def landscape(self) -> NetworkLandscape | None:
        """The landscape of a network's atlas; None of a function, which the atlas does not hold."""
        try:
            return landscape_of(self.atlas.problem)
        except (BadInputError, AtlasError):
            return None

    def items(self, group: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Inputs and labels of ``"train"`` or ``"test"``; None where there are no such items."""
        arrays = self.atlas.problem.arrays
        names = f"{group}_inputs", f"{group}_labels"
        if not all(name in arrays and len(arrays[name]) for name in names):
            return None
        return arrays[names[0]], arrays[names[1]]

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""
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
    """Serving only reads, and opening an atlas of an older version would upgrade it."""
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
