"""The atlas: the database of one landscape, kept on disk while it is explored.

An atlas is self-contained: it holds the data, the specification and every certified point. It grows
by batches, each of which is one transaction, so that a program that dies loses at most the batch
that it is writing. Several programs may explore one atlas at once: they take turns at writing, and
points are recognized inside the transaction, so that no point is stored twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sqlalchemy import Connection

from lossatlas.atlas import columns, contents, database, integrity, network, schema, tables
from lossatlas.atlas.ending import Exploration
from lossatlas.atlas.heads import read_heads
from lossatlas.atlas.lost_connections import tried_again
from lossatlas.atlas.network import Reading
from lossatlas.atlas.opening import Handle
from lossatlas.atlas.receipts import read_receipt
from lossatlas.atlas.records import Attempt, Committed, Problem, group_hashes
from lossatlas.atlas.writing import end_run, insert_run, write_batch
from lossatlas.errors import AtlasError, BadInputError
from lossatlas.network.points import Network
from lossatlas.shown import html_table

if TYPE_CHECKING:
    from pandas import DataFrame

LOCK_SECONDS = 60.0
"""Time in seconds to wait for transactions of other programs, which take a fraction of a second."""


class Atlas:
    """The database of one landscape, opened by `lossatlas.explore`, `Atlas.open` or `Atlas.create`.

    Close an atlas after use, or use it in a ``with`` block; one that is no longer used closes
    itself. Threads may share an open atlas, but every process has to open its own.

    Attributes:
        name: path of the atlas, or its URL without the password.
        connected: the database in which it is.
        exploration: how the last exploration ended that filled this open atlas; None if there was
            none.

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

    def __init__(self, connected: database.Connected) -> None:
        """Take a database that was connected; only the class methods below call this."""
        self.connected, self._handle = connected, Handle(connected)
        self._engine, self.name = connected.engine, connected.name
        self._reading: Reading | None = None
        self.exploration: Exploration | None = None

    @classmethod
    def create(cls, target: str | Path, problem: Problem, *, seconds: float = LOCK_SECONDS) -> Self:
        """Create a new atlas.

        Args:
            target: path of the file (``~`` is expanded), or an SQLAlchemy URL.
            problem: the landscape that the atlas is about.
            seconds: time to wait for the lock of another program, here and later; default 60 s.

        Raises:
            BadInputError: there is an atlas already, or the target cannot be written.
            AtlasError: the database is locked or fails.
        """
        return cls._opened(target, problem, seconds, must_be_new=True)

    @classmethod
    def open_or_create(
        cls, target: str | Path, problem: Problem, *, seconds: float = LOCK_SECONDS
    ) -> Self:
        """Open the atlas of a landscape, or create it if it does not exist.

        Args:
            target: path of the file (``~`` is expanded), or an SQLAlchemy URL.
            problem: the landscape. An atlas that exists takes over its testing data and its
                specification.
            seconds: time to wait for the lock of another program, here and later; default 60 s.

        Raises:
            OtherLandscapeError: the atlas holds another landscape; the message says what differs.
            BadInputError: the target cannot be an atlas.
            AtlasError: a newer lossatlas wrote the atlas, or it is locked or damaged.
        """
        return cls._opened(target, problem, seconds, must_be_new=False)

    @classmethod
    def open(cls, target: str | Path, *, seconds: float = LOCK_SECONDS) -> Self:
        """Open an atlas that exists.

        A file that can only be read is opened for reading, and nothing is left beside it; methods
        that write raise an error. An atlas of an older version is upgraded, after a backup. A file
        that was copied while a program was writing to it, without the file ``-wal`` beside it,
        holds less than the original; a `UserWarning` says so.

        Args:
            target: path of the file (``~`` is expanded), or an SQLAlchemy URL.
            seconds: time to wait for the lock of another program, here and later; default 60 s.

        Raises:
            BadInputError: there is no atlas, or it needs an upgrade and can only be read.
            AtlasError: a newer lossatlas wrote the atlas, or it is locked or damaged.
        """
        atlas = cls(database.connect(target, seconds, may_create=False))
        try:
            atlas._handle.check()
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
            if not atlas._handle.begin(problem, must_be_new):
                atlas.adopt(problem)
        except BaseException:
            atlas.close()
            raise
        return atlas

    def adopt(self, problem: Problem) -> None:
        """Make sure that the atlas holds a landscape, and take over its testing data.

        Args:
            problem: the landscape, with new testing data and a new specification. With neither
                arrays nor a specification, it changes nothing.

        Raises:
            OtherLandscapeError: the atlas holds another landscape; the message says what differs.
            BadInputError: the problem cannot be stored, or the atlas can only be read.
        """
        contents.check_problem(problem)
        with self.reading() as connection:  # Do not write to the atlas of another landscape.
            contents.check_same(connection, problem, self.name)
        with self.writing() as connection:
            contents.adopt(connection, problem, self.name)
        self.__dict__.pop("problem", None)  # Read it anew when it is asked for.

    def check_writable(self) -> None:
        """Refuse an atlas that can only be read, before work is done that would be lost.

        Raises:
            BadInputError: its file or folder cannot be written.
        """
        self._handle.check_writable()

    def writing(self) -> AbstractContextManager[Connection]:
        """A connection with which no other program writes; on an error, nothing of it is kept.

        Raises:
            BadInputError: the atlas can only be read.
            AtlasError: the database is locked or fails, or its file was moved or deleted.
        """
        return self._handle.writing()

    def close(self) -> None:
        """Close the atlas; the last program that closes it leaves one plain file."""
        self._handle.close()

    def __enter__(self) -> Self:
        """The atlas, which is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the atlas."""
        self.close()

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection that sees one state of the atlas, even while other programs write."""
        return self._handle.reading()

    @cached_property
    def problem(self) -> Problem:
        """The landscape of the atlas with its data; it is read when it is first asked for."""
        with self.reading() as connection:
            return contents.read_problem(connection)

    def start_run(
        self, options: Mapping[str, Any], seed: int, versions: Mapping[str, str], device: str
    ) -> int:
        """Record that an exploration begins; until `finish_run` the run has no end time.

        Args:
            options: settings of the exploration, of JSON types.
            seed: seed of its random numbers.
            versions: version of each library, by its name.
            device: name of the device on which it computes.

        Returns:
            The id of the run.
        """
        with self.writing() as connection:
            run_id = insert_run(connection, options, seed, versions, device)
        # So that a copy of the file without its log shows that a run has not ended.
        database.move_log_into_file(self._engine)
        return run_id

    def finish_run(self, run_id: int, reason: str) -> None:
        """Record that a run has ended.

        Args:
            run_id: id of the run, from `start_run`.
            reason: why it ended, in words.

        Raises:
            AtlasError: there is no such run.
        """
        with self.writing() as connection:
            if not end_run(connection, run_id, reason):
                raise AtlasError(f"{self.name}: there is no run {run_id}")

    def commit(self, run_id: int, attempts: Sequence[Attempt], batch: str) -> Committed:
        """Store a batch of attempts and their points in one transaction.

        A point that the atlas already has, up to symmetry, is not stored again; its ``times_found``
        grows by one. When this method returns, the batch is safely stored.

        Args:
            run_id: id of the run, from `start_run`.
            attempts: the attempts, in the order in which they are to be stored.
            batch: a key that no other batch of the atlas has, such as ``"run 3 batch 17"``. If a
                batch with this key is stored already, nothing is stored, and its receipt is
                returned again. A commit can therefore be repeated in case of doubt.

        Returns:
            The receipt: which points each attempt met, and which it added.

        Raises:
            AtlasError: there is no such run, a point cannot be stored (for example, it has another
                Hessian index than it should), or the database fails. Then nothing of the batch is
                stored, and all earlier batches are kept.
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
        """Describe, in words, all rows whose checksums, counters or references do not fit."""
        with self.reading() as connection:
            return integrity.check(connection)

    def set_property(self, name: str, values: Mapping[int, float], data_hash: str = "") -> None:
        """Store values of a column of the minima; minima that are not given keep their values.

        Args:
            name: name of the column, such as ``"test_auc"``.
            values: the value of each minimum (which may be NaN), by its id.
            data_hash: `Problem.data_hash` of the data from which the values were computed; by
                default they depend on no data. Tables show the column only while the atlas holds
                these data.

        Raises:
            BadInputError: every atlas has a column of this name, the atlas does not hold the data,
                a minimum is unknown, or the atlas can only be read.
        """
        with self.writing() as connection:
            stored = contents.read_meta(connection)["arrays"]
            if data_hash and data_hash not in group_hashes(stored).values():
                problem = "was computed from data that the atlas does not hold"
                raise BadInputError(f"property {name}", problem, "use data_hash of its problem")
            columns.write_property(connection, name, values, data_hash)

    def minimum_weights(self, ids: Iterable[int]) -> np.ndarray:
        """The weights of k minima as an array (k, n), in the order of the given ids.

        Raises:
            BadInputError: an id is not in the atlas.
        """
        with self.reading() as connection:
            return columns.read_weights(connection, schema.minimum, ids)

    def transition_state_weights(self, ids: Iterable[int]) -> np.ndarray:
        """The weights of k transition states as an array (k, n), in the order of the given ids.

        Raises:
            BadInputError: an id is not in the atlas.
        """
        with self.reading() as connection:
            return columns.read_weights(connection, schema.transition_state, ids)

    def network(self, *, with_weights: bool = False, outside: bool = False) -> Network:
        """The network of points as it is now, with energies, links and columns.

        Repeated calls read only what is new. If nothing has changed, the same network is returned,
        with its tree and everything else that was computed from it.

        Args:
            with_weights: whether to read the weights of all m minima and t transition states, which
                take 8 (m + t) n bytes for n weights each; default False.
            outside: whether to include points outside of the box of a function, and transition
                states that join one of them; default False.

        Examples:
            >>> network = atlas.network()                        # doctest: +SKIP
            >>> network.barrier(1, 5), network.path(1, 5)        # doctest: +SKIP
        """
        # Taken before the transaction begins, so that the transaction sees at least as much.
        known = self._reading
        with self.reading() as connection:
            self._reading = read = network.read_network(connection, known)
            found = read.network if outside else read.inside()
            return network.with_weights(connection, found) if with_weights else found

    def minima(self, *, outside: bool = False) -> "DataFrame":
        """A table with one row for each minimum, in ascending order of the ids.

        Its columns are ``id``, ``loss``, ``lowest_eigenvalue`` (of the Hessian), ``orbit_size``
        (number of symmetry copies), ``times_found``, ``rms_gradient``, and one column for each
        property, such as ``test_auc``, with NaN where it was not computed.

        Args:
            outside: whether to show minima outside of the box of a function too, with a column
                ``outside``; default False.
        """
        with self.reading() as connection:
            return tables.minima(connection, outside=outside)

    def transition_states(self, *, outside: bool = False) -> "DataFrame":
        """A table with one row for each transition state, in ascending order of the ids.

        Its columns are ``id``, ``loss``, ``curvature`` (the negative eigenvalue), ``minimum_1`` and
        ``minimum_2`` (of each side the minimum of the lowest id), ``degenerate`` (all links lead to
        one minimum), ``orbit_size``, ``times_found``, ``rms_gradient``, ``via_1_index`` and
        ``via_2_index`` (Hessian index of the saddle that the path to this minimum runs into first;
        missing if none), ``via_1`` and ``via_2`` (id of that saddle if it is a transition state),
        and ``ends`` (number of links). Missing links leave missing values (see `check`).

        Args:
            outside: whether to show those that lie outside of the box of a function, or join a
                minimum there, too, with a column ``outside``; default False.
        """
        with self.reading() as connection:
            return tables.transition_states(connection, outside=outside)

    def attempts(self) -> "DataFrame":
        """A table with one row for each attempt, in the order in which they were stored.

        ``origin`` (minima from which it started), ``minima``, ``transition_states`` (points that it
        met) and ``conflicts`` hold tuples of ids, ``failures`` numbers by status, and ``batch`` the
        key of its batch. The other columns are those of the table ``attempt`` of the database.
        """
        with self.reading() as connection:
            return tables.attempts(connection)

    def runs(self) -> "DataFrame":
        """A table with one row for each run.

        Its columns are ``id``, ``options``, ``seed``, ``versions``, ``device``, ``start_time`` and
        ``end_time`` (UTC), ``reason`` (of its end) and ``seconds``. A run without an end time was
        killed or is still in progress.
        """
        with self.reading() as connection:
            return tables.runs(connection)

    def status(self) -> dict[str, Any]:
        """Numbers of points, attempts, evaluations and runs, the lowest loss, and why most failed.

        The keys are those that ``lossatlas status --json`` prints.
        """
        known = self._reading
        with self.reading() as connection:
            self._reading = read = network.read_network(connection, known)
            return tables.status(connection, read)

    def _repr_html_(self) -> str:
        """Show counts, and how the last exploration ended, in a notebook."""
        rows = self.status()
        wanted = ("minima", "transition_states", "components", "lowest_loss", "runs")
        shown = {name.replace("_", " "): rows[name] for name in wanted}
        if self.exploration is not None:
            shown["exploration"] = self.exploration.lines(self.name)[1]
        return html_table("Atlas", shown, self.name)
