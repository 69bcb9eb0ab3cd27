"""The atlas: the database of one landscape, kept on disk while it is explored.

An atlas is self-contained: it holds the data, the specification and every certified point, and
it grows by batches, each one transaction. Killing the program loses at most the batch that is
being written. Several programs may explore one atlas at once: they take turns at writing, and
identity is decided inside the transaction, so no point is stored twice.

Examples:
    >>> import tempfile
    >>> path = f"{tempfile.mkdtemp()}/d2.atlas"
    >>> problem = Problem({"network": "2-10-4", "l2": "0.0001"})
    >>> with Atlas.create(path, problem) as atlas:
    ...     run_id = atlas.start_run({"minutes": 2}, 0, {"lossatlas": "0.1"}, "cpu")
    ...     receipt = atlas.commit(run_id, [], "run 1 batch 1")
    ...     atlas.finish_run(run_id, "time is up")
    ...     atlas.status()["minima"]
    0
"""

import threading
import warnings
import weakref
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sqlalchemy import Connection

from lossatlas.atlas import (
    columns,
    contents,
    database,
    integrity,
    network,
    run_rows,
    schema,
    tables,
)
from lossatlas.atlas.ending import Exploration
from lossatlas.atlas.heads import read_heads
from lossatlas.atlas.lost_connections import tried_again
from lossatlas.atlas.network import Reading
from lossatlas.atlas.opening import check_whole, create
from lossatlas.atlas.receipts import read_receipt
from lossatlas.atlas.records import Attempt, Committed, Problem, group_hashes
from lossatlas.atlas.sqlite_file import refuse_if_gone, refuse_without_log
from lossatlas.atlas.upgrade import upgrade
from lossatlas.atlas.writing import write_batch
from lossatlas.errors import AtlasError, BadInputError
from lossatlas.network.points import Network
from lossatlas.shown import html_table

if TYPE_CHECKING:
    from pandas import DataFrame

LOCK_SECONDS = 60.0
"""How long to wait for another program's transaction (they last a fraction of a second)."""


class Atlas:
    """One open atlas, from `lossatlas.explore`, or by `create`, `open` or `open_or_create`.

    Close it after use, or use it in a `with` block; one that nobody uses any more closes itself.
    Threads may share an atlas; processes open their own.

    Attributes:
        name: its path, or its URL without the password.
        connected: the database that it is in.
        exploration: how the last exploration that filled this open atlas ended; None if there was
            none.
    """

    def __init__(self, connected: database.Connected) -> None:
        """Only the three constructors below call this."""
        self.connected = connected
        self._engine, self.name = connected.engine, connected.name
        self._written = threading.Event()
        self._file: tuple[int, int] | None = None
        self._reading: Reading | None = None
        self.exploration: Exploration | None = None
        self._release_when_forgotten()

    @classmethod
    def create(cls, target: str | Path, problem: Problem, *, seconds: float = LOCK_SECONDS) -> Self:
        """A new atlas.

        Args:
            target: path of the file (``~`` is expanded), or an SQLAlchemy URL.
            problem: the landscape.
            seconds: how long to wait for the lock of another program, here and later.

        Raises:
            BadInputError: if there is one already, or the target cannot be written.
        """
        return cls._opened(target, problem, seconds, must_be_new=True)

    @classmethod
    def open_or_create(
        cls, target: str | Path, problem: Problem, *, seconds: float = LOCK_SECONDS
    ) -> Self:
        """Continue the atlas of this landscape, or begin it; arguments as in `create`.

        Test data and specification become those of ``problem``.

        Raises:
            OtherLandscapeError: if the atlas holds another landscape; says what differs.
            BadInputError: if the target cannot be an atlas.
            AtlasError: if it was written by a newer version, or is locked or damaged.
        """
        return cls._opened(target, problem, seconds, must_be_new=False)

    @classmethod
    def open(cls, target: str | Path, *, seconds: float = LOCK_SECONDS) -> Self:
        """The atlas at ``target``, which must be there; arguments and errors as above.

        A file that can only be read is read, and nothing is left beside it; what would write to
        it raises an error. A file that was copied while a program was writing to it, without
        the file ``-wal`` beside it, holds less than the original: a `UserWarning` says so.
        """
        atlas = cls(database.connect(target, seconds, may_create=False))
        try:
            with atlas.reading() as connection:
                version = check_whole(atlas.connected, connection)
            atlas._upgrade(version)
        except BaseException:
            atlas.close()
            raise
        return atlas

    @classmethod
    def _opened(
        cls, target: str | Path, problem: Problem, seconds: float, *, must_be_new: bool
    ) -> Self:
        contents.check_problem(problem)
        atlas = cls(database.connect(target, seconds, may_create=True))
        try:
            atlas._begin(problem, must_be_new)
        except BaseException:
            atlas.close()
            raise
        return atlas

    def _begin(self, problem: Problem, must_be_new: bool) -> None:
        with self.reading() as connection:  # refuses before anything is written to the file
            version = contents.version_of(connection, self.name)
        if version is None and self.connected.place is not None:
            refuse_without_log(self.connected.place)
        if version is None and create(self._engine, self.name, problem):
            return
        if must_be_new:
            remedy = "open it, or give another path"
            raise BadInputError(self.name, "there is an atlas already", remedy)
        self._upgrade(version)
        self.adopt(problem)

    def adopt(self, problem: Problem) -> None:
        """Make sure that the atlas is of this problem, and take over its test data.

        Specification and test data become those of ``problem``, unless it has neither a
        specification nor arrays: a fingerprint alone changes nothing.

        Raises:
            OtherLandscapeError: if the landscape differs; says in what.
        """
        contents.check_problem(problem)
        with self.reading() as connection:  # nothing is written to the atlas of another one
            contents.check_same(connection, problem, self.name)
        with self.writing() as connection:
            contents.adopt(connection, problem, self.name)
        self.__dict__.pop("problem", None)  # is read again

    def check_writable(self) -> None:
        """Refuse an atlas that can only be read, before work is done that would be lost.

        Raises:
            BadInputError: if its file or folder cannot be written.
        """
        if self.connected.read_only:
            remedy = "copy it to a folder of your own and use the copy"
            raise BadInputError(
                self.name, "can only be read, it or its folder is protected", remedy
            )

    def writing(self) -> AbstractContextManager[Connection]:
        """A connection that writes, alone: all of the block is kept or, on an error, none of it."""
        self.check_writable()
        if self.connected.place is not None:
            self._file = refuse_if_gone(self.connected.place.path, self._file)
        self._release_when_forgotten()
        if not self._written.is_set():
            database.use_write_ahead_log(self._engine, self.name)
            self._written.set()
        return database.writing(self._engine, self.name)

    def _upgrade(self, version: int | None) -> None:
        """Bring an atlas of an older version up to date, and say where its backup is."""
        if version is not None and version < schema.SCHEMA_VERSION:
            if self.connected.read_only:
                raise BadInputError(
                    self.name,
                    f"was written by an older lossatlas (schema version {version}) and cannot be "
                    "upgraded, since it or its folder is protected",
                    "copy it to a folder of your own and open the copy",
                )
            self._written.set()  # version 1 left its file in write-ahead mode, without a log
            message = upgrade(self._engine, self.name)
            if message is not None:  # another program was not faster
                warnings.warn(message, stacklevel=4)

    def close(self) -> None:
        """Release the file; the last program that closes it leaves one plain file."""
        self._release()
        self._written.clear()

    def _release_when_forgotten(self) -> None:
        """Have the connections closed when the atlas is; again where it is used after `close`."""
        if not getattr(self, "_release", None) or not self._release.alive:
            self._release = weakref.finalize(self, _release, self.connected, self._written)

    def __enter__(self) -> Self:
        """The atlas; closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection that sees one state of the atlas while others write."""
        self._release_when_forgotten()
        return database.reading(self._engine, self.name)

    @cached_property
    def problem(self) -> Problem:
        """The landscape as it was given, with its arrays (read on first use)."""
        with self.reading() as connection:
            return contents.read_problem(connection)

    def start_run(
        self, options: Mapping[str, Any], seed: int, versions: Mapping[str, str], device: str
    ) -> int:
        """Record that an exploration begins; its id. Until `finish_run` it has no end time."""
        with self.writing() as connection:
            run_id = run_rows.begin(connection, options, seed, versions, device)
        # So that a copy without the log says that a run had not ended.
        database.move_log_into_file(self._engine)
        return run_id

    def finish_run(self, run_id: int, reason: str) -> None:
        """Record the end of a run and why it ended.

        Raises:
            AtlasError: if there is no such run.
        """
        with self.writing() as connection:
            if not run_rows.end(connection, run_id, reason):
                raise AtlasError(f"{self.name}: there is no run {run_id}")

    def commit(self, run_id: int, attempts: Sequence[Attempt], batch: str) -> Committed:
        """Store a batch of attempts and their points in one transaction.

        A point that the atlas has, up to symmetry, is not stored again: its ``times_found``
        grows by one. When this returns, the batch survives the death of the program.

        Args:
            run_id: from `start_run`.
            attempts: in the order in which they are to be stored.
            batch: a key of this batch, which no other batch of the atlas has, e.g. ``"run 3 batch
                17"``. A batch whose key is stored already is not stored again, whatever it holds:
                the receipt is that of the first time. So a commit may be repeated in doubt.

        Raises:
            AtlasError: if there is no such run, if a point is not what its place demands, or if the
                database fails; nothing of the batch is kept then, and all batches before it are.
        """
        return tried_again(lambda: self._commit_once(run_id, attempts, batch))

    def _commit_once(self, run_id: int, attempts: Sequence[Attempt], batch: str) -> Committed:
        with self.writing() as connection:
            heads = read_heads(connection, run_id, batch)
            if heads.run is None:
                raise AtlasError(f"{self.name}: there is no run {run_id}")
            if heads.stored_batch is not None:
                return read_receipt(connection, heads.stored_batch)
            return Committed(write_batch(connection, heads, attempts, batch))

    def check(self) -> tuple[str, ...]:
        """What is wrong with the stored rows, in words; empty if nothing is.

        Rows whose checksums, counters or references do not fit, see `integrity.check`.
        """
        with self.reading() as connection:
            return integrity.check(connection)

    def set_property(self, name: str, values: Mapping[int, float], data_hash: str = "") -> None:
        """Write values of a column of the minima, e.g. ``"test_auc"``; known ids keep the rest.

        Args:
            name: of the column.
            values: the value (or NaN) by minimum id.
            data_hash: `Problem.data_hash` of the data it was computed from, ``""`` if from none.
                `minima` shows a column only while the atlas holds these data.

        Raises:
            BadInputError: for the name of a column that is there anyway, the hash of data that
                the atlas does not hold, or an unknown minimum.
        """
        with self.writing() as connection:
            stored = contents.read_meta(connection)["arrays"]
            if data_hash and data_hash not in group_hashes(stored).values():
                remedy = "use data_hash of the atlas's problem"
                raise BadInputError(f"property {name}", "is of data not in the atlas", remedy)
            columns.write_property(connection, name, values, data_hash)

    def minimum_weights(self, ids: Iterable[int]) -> np.ndarray:
        """(k, n) weights of the minima, in the order of their ids.

        Raises:
            BadInputError: for an unknown id.
        """
        with self.reading() as connection:
            return columns.read_weights(connection, schema.minimum, ids)

    def transition_state_weights(self, ids: Iterable[int]) -> np.ndarray:
        """(k, n) weights of the transition states, in the order of their ids.

        Raises:
            BadInputError: for an unknown id.
        """
        with self.reading() as connection:
            return columns.read_weights(connection, schema.transition_state, ids)

    def network(self, *, with_weights: bool = False, outside: bool = False) -> Network:
        """The network of points as it is now: energies, links, columns, and what follows from them.

        An atlas that was asked before reads only what is new, and gives the same network again if
        nothing has changed, with its tree and everything else that was computed.

        Args:
            with_weights: also read all weights, 8 (m + t) n bytes. Those of some points are read
                by `minimum_weights` and `transition_state_weights`.
            outside: also points outside of the box of a function; otherwise these are left out, and
                so are the transition states that join one of them.

        Examples:
            >>> network = atlas.network()                        # doctest: +SKIP
            >>> network.barrier(1, 5), network.path(1, 5)        # doctest: +SKIP
        """
        known = self._reading  # before the transaction begins, which therefore sees no less
        with self.reading() as connection:
            self._reading = read = network.read_network(connection, known)
            found = read.network if outside else read.inside()
            return network.with_weights(connection, found) if with_weights else found

    def minima(self, *, outside: bool = False) -> "DataFrame":
        """One row a minimum, see `tables.minima`; those outside of the box if asked for."""
        with self.reading() as connection:
            return tables.minima(connection, outside=outside)

    def transition_states(self, *, outside: bool = False) -> "DataFrame":
        """One row a transition state, see `tables.transition_states`; `outside` as above."""
        with self.reading() as connection:
            return tables.transition_states(connection, outside=outside)

    def attempts(self) -> "DataFrame":
        """One row an attempt, see `tables.attempts`."""
        with self.reading() as connection:
            return tables.attempts(connection)

    def runs(self) -> "DataFrame":
        """One row a run, see `tables.runs`."""
        with self.reading() as connection:
            return tables.runs(connection)

    def status(self) -> dict[str, Any]:
        """Counts and the lowest loss, see `tables.status`."""
        known = self._reading
        with self.reading() as connection:
            self._reading = read = network.read_network(connection, known)
            return tables.status(connection, read)

    def _repr_html_(self) -> str:
        """Counts, and how the last exploration ended, in a notebook."""
        rows = self.status()
        wanted = ("minima", "transition_states", "components", "lowest_loss", "runs")
        shown = {name.replace("_", " "): rows[name] for name in wanted}
        if self.exploration is not None:
            shown["exploration"] = self.exploration.lines(self.name)[1]
        return html_table("Atlas", shown, self.name)


def _release(connected: database.Connected, written: threading.Event) -> None:
    database.disconnect(connected, written=written.is_set())
