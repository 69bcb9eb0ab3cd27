"""Join atlases of one landscape, so that one atlas holds what several explorations have found.

The first atlas is copied as it is. The runs and attempts of each other atlas follow in the order of
its log. A point that is already there, up to symmetry, is recognized as in an exploration that
finds it again. If one atlas is a copy of another that was explored further, the part that both have
in common is stored once. An independent draw that both have made counts as independent only once.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Table, func, insert, select, update

from lossatlas.atlas import contents, schema
from lossatlas.atlas.copying import check_new, in_parts, new_database, table_rows
from lossatlas.atlas.matching import Known
from lossatlas.atlas.records import differences, group_hashes
from lossatlas.atlas.rows import INDEX, Row, point_of_attempt
from lossatlas.atlas.statements import insert_rows, run_for_each
from lossatlas.atlas.store import Atlas
from lossatlas.atlas.writing import FOUND_AGAIN, agree, ends_of_rows, read_ends
from lossatlas.errors import BadInputError, OtherLandscapeError
from lossatlas.search.outcome import StationaryPoint

MERGED = "merged_from"
"""The option of a run that names the atlas from which it comes."""


class Joined(NamedTuple):
    """What one atlas added to those that it was joined to.

    Attributes:
        name: name of the atlas.
        minima: number of its minima that the others did not have.
        transition_states: number of its transition states that the others did not have.
        known_minima: number of its minima that the others had.
        known_transition_states: number of its transition states that the others had.
        attempts: number of its attempts that were added.
        shared_attempts: number of its attempts that were there already.
        conflicts: number of transition states that it joins to other minima than the others do.
    """

    name: str
    minima: int
    transition_states: int
    known_minima: int
    known_transition_states: int
    attempts: int
    shared_attempts: int
    conflicts: int


def merge(sources: Sequence[str | Path], target: str | Path) -> tuple[Joined, ...]:
    """Join atlases of one landscape in a new one; the sources are not changed.

    Args:
        sources: paths or URLs of two atlases or more. The new atlas has the testing data and the
            specification of the first.
        target: path of a file that does not exist yet, or URL of an empty database.

    Returns:
        What each source but the first added.

    Raises:
        BadInputError: there are fewer than two sources, or the target exists already.
        OtherLandscapeError: the landscapes are not the same; the message names what differs.
        AtlasError: a source cannot be read, or the new atlas cannot be written; then nothing is
            left at the target.

    Examples:
        >>> merge(["monday.atlas", "tuesday.atlas"], "both.atlas")   # doctest: +SKIP
    """
    if len(sources) < 2:
        raise BadInputError("merge", "there is nothing to join", "give two atlases or more")
    check_new(target)
    for source in sources:
        with Atlas.open(source):  # Each must be readable before anything is written.
            pass
    found = []
    with Atlas.open(sources[0]) as first, new_database(target, first) as connection:
        fingerprint = contents.read_meta(connection)["fingerprint"]
        for source in sources[1:]:
            with Atlas.open(source) as other, other.reading() as reading:
                _compare(fingerprint, contents.read_meta(reading)["fingerprint"], other.name)
                found.append(_Joining(connection, reading, other.name).join())
    return tuple(found)


def _compare(ours: Mapping[str, str], theirs: Mapping[str, str], name: str) -> None:
    different = differences(ours, theirs)
    if different:
        parts = ", ".join(different)
        raise OtherLandscapeError(f"{name}: holds another landscape; these parts differ: {parts}")


class _Joining:
    """One atlas while it is added to another, with the ids that its rows get there."""

    def __init__(self, into: Connection, other: Connection, name: str) -> None:
        self.into, self.other, self.name = into, other, name
        self.runs: dict[int, int] = {}
        self.batches: dict[int, int] = {}
        self.attempts: dict[int, int] = {}
        self.shared: set[int] = set()
        self.ids: dict[str, dict[int, int]] = {}
        self.new: dict[str, set[int]] = {}
        self.conflicts: dict[int, list[int]] = {}  # By the attempt that found them.

    def join(self) -> Joined:
        self._join_runs()
        self._find_shared_batches()
        for table in (schema.minimum, schema.transition_state):
            self._join_points(table)
        self._join_links()
        added = self._join_log()
        self._join_properties()
        low, high = schema.minimum.name, schema.transition_state.name
        new = {kind: len(self.new[kind]) for kind in (low, high)}
        known = {kind: len(self.ids[kind]) - new[kind] for kind in (low, high)}
        shared = len(self.attempts) - added
        points = (new[low], new[high], known[low], known[high])
        return Joined(self.name, *points, added, shared, sum(map(len, self.conflicts.values())))

    def _join_runs(self) -> None:
        """Add the runs; two are the same if they began at one time with the same options."""
        there = {_run_key(row): row for row in table_rows(self.into, schema.run)}
        last = max((row["id"] for row in there.values()), default=0)
        for row in table_rows(self.other, schema.run):
            same = there.get(_run_key(row))
            if same is None:
                last += 1
                options = {**row["options"], MERGED: row["options"].get(MERGED, self.name)}
                self.into.execute(insert(schema.run), {**row, "id": last, "options": options})
            elif same["end_time"] is None and row["end_time"] is not None:
                ended = {name: row[name] for name in ("end_time", "reason")}
                known = schema.run.c.id == same["id"]
                self.into.execute(update(schema.run).where(known).values(ended))
            self.runs[row["id"]] = last if same is None else same["id"]

    def _find_shared_batches(self) -> None:
        """Find shared batches, which have the same run and key; their attempts are shared too."""
        c = schema.batch.c
        there = {(run, key): i for i, run, key in self.into.execute(select(c.id, c.run_id, c.key))}
        attempt = schema.attempt.c
        for row in table_rows(self.other, schema.batch):
            run = self.runs[row["run_id"]]
            same = there.get((run, self._key(row, run)), there.get((run, row["key"])))
            if same is None:
                continue
            query = [
                select(attempt.id).where(attempt.batch == i).order_by(attempt.id)
                for i in (row["id"], same)
            ]
            theirs = self.other.execute(query[0]).scalars().all()
            ours = self.into.execute(query[1]).scalars().all()
            self.shared.add(row["id"])
            self.batches[row["id"]] = same
            self.attempts |= dict(zip(theirs, ours, strict=False))

    @staticmethod
    def _key(row: Mapping[str, Any], run: int) -> str:
        """The key of a batch in the new atlas, where its run may have another id."""
        before, colon, number = row["key"].partition(":")
        usual = colon and before == str(row["run_id"])
        return f"{run}:{number}" if usual else f"{row['key']} of run {run}"

    def _join_points(self, table: Table) -> None:
        """Recognize the points that are already there, and add the others."""
        ids = self.ids[table.name] = {}
        new = self.new[table.name] = set()
        times = self._times(table.name)
        last = self._last(table)
        rows = table_rows(self.other, table)
        for some in in_parts(rows):
            known = Known(self.into, table, [row["energy"] for row in some])
            added: list[Row] = []
            for row in some:
                point = _point(table, row)
                same = known.match(point)
                if same is None:
                    last = same = last + 1
                    known.add(last, point)
                    new.add(row["id"])
                    added.append({**row, "id": last, "times_found": 0})
                ids[row["id"]] = same
            insert_rows(self.into, table, added)
        more = [{"key": ids[i], "more": k} for i, k in times.items() if i in ids]
        run_for_each(self.into, FOUND_AGAIN[table.name], more)

    def _times(self, kind: str) -> dict[int, int]:
        """Count how often the attempts that are added have met each point."""
        met, column = schema.attempt_point, schema.attempt_point.c[kind]
        query = (
            select(column, schema.attempt.c.batch, func.count())
            .join_from(met, schema.attempt, schema.attempt.c.id == met.c.attempt)
            .where(met.c.role.in_(schema.MET[kind]))
            .group_by(column, schema.attempt.c.batch)
        )
        times = Counter[int]()
        for point, batch, count in self.other.execute(query):
            if batch not in self.shared:
                times[point] += count
        return times

    def _join_links(self) -> None:
        """Add the links of new transition states, and find known ones whose links differ."""
        minima, states = self.ids["minimum"], self.ids["transition_state"]
        conflicts = set[int]()

        def added() -> Iterator[Row]:
            rows = table_rows(self.other, schema.link)
            for state, some in _grouped(rows, "transition_state"):
                mapped = [_linked(row, minima, states) for row in some]
                if state in self.new["transition_state"]:
                    distinct = {(row["side"], row["minimum"]): row for row in reversed(mapped)}
                    yield from distinct.values()
                    continue
                ours = read_ends(self.into, [states[state]])[states[state]]
                if not agree(ours, ends_of_rows(mapped)):
                    conflicts.add(state)

        for some in in_parts(added()):
            insert_rows(self.into, schema.link, some)
        for state in sorted(conflicts):
            attempt = self._first_of_state(state)
            if attempt is not None:
                self.conflicts.setdefault(attempt, []).append(state)

    def _join_log(self) -> int:
        """Add the batches and attempts that are not shared; return the number of attempts."""
        self._join_batches()
        first = {kind: self._first_met(kind) for kind in schema.MET}
        added = [Counter(first[kind].values()) for kind in ("minimum", "transition_state")]
        drawn, shared = _draws(self.into), len(self.attempts)
        last = self._last(schema.attempt)
        rows = table_rows(self.other, schema.attempt)
        for some in in_parts(row for row in rows if row["batch"] not in self.shared):
            for row in some:
                last += 1
                self.attempts[row["id"]] = last
            insert_rows(self.into, schema.attempt, [self._attempt(r, added, drawn) for r in some])
        rows = _grouped(table_rows(self.other, schema.attempt_point), "attempt")
        old = self._attempts_of_shared()
        points = (row for i, met in rows if i not in old for row in self._points_of(i, met))
        for some in in_parts(points):
            insert_rows(self.into, schema.attempt_point, some)
        return len(self.attempts) - shared

    def _last(self, table: Table) -> int:
        return self.into.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()

    def _join_batches(self) -> None:
        c = schema.batch.c
        last = self._last(schema.batch)
        keys = set(self.into.execute(select(c.key)).scalars())
        added: list[Row] = []
        for row in table_rows(self.other, schema.batch):
            if row["id"] in self.shared:
                continue
            last += 1
            run = self.runs[row["run_id"]]
            key = self._key(row, run)
            while key in keys:
                key += "'"
            keys.add(key)
            self.batches[row["id"]] = last
            added.append({**row, "id": last, "run_id": run, "key": key})
        insert_rows(self.into, schema.batch, added)

    def _attempt(self, row: Mapping[str, Any], added: list[Counter[int]], drawn: set) -> Row:
        name = (row["stream"], row["strategy"], row["what"], row["part"])
        stream = None if name in drawn else row["stream"]
        return {
            **row,
            "id": self.attempts[row["id"]],
            "batch": self.batches[row["batch"]],
            "as_of": self.attempts.get(row["as_of"], 0),
            "stream": stream,
            "new_minima": added[0][row["id"]],
            "new_transition_states": added[1][row["id"]],
            "conflicts": row["conflicts"] + len(self.conflicts.get(row["id"], ())),
        }

    def _first_met(self, kind: str) -> dict[int, int]:
        """The attempt that met each new point first."""
        met, column = schema.attempt_point.c, schema.attempt_point.c[kind]
        query = select(column, func.min(met.attempt)).where(met.role.in_(schema.MET[kind]))
        found = self.other.execute(query.group_by(column))
        return {point: attempt for point, attempt in found if point in self.new[kind]}

    def _first_of_state(self, state: int) -> int | None:
        """The first of the added attempts that found a transition state; None if none did."""
        met = schema.attempt_point.c
        query = (
            select(met.attempt, schema.attempt.c.batch)
            .join(schema.attempt, schema.attempt.c.id == met.attempt)
            .where(met.transition_state == state, met.role == "transition-state")
            .order_by(met.attempt)
        )
        fresh = (i for i, batch in self.other.execute(query) if batch not in self.shared)
        return next(fresh, None)

    def _points_of(self, attempt: int, rows: list[Mapping[str, Any]]) -> Iterator[Row]:
        """The points of an attempt with their new ids, and further conflicts of links."""
        minima, states, own = self.ids["minimum"], self.ids["transition_state"], self.attempts
        for row in rows:
            low, high = row["minimum"], row["transition_state"]
            points = {
                "minimum": None if low is None else minima[low],
                "transition_state": None if high is None else states[high],
            }
            yield {**row, "attempt": own[attempt], **points}
        for more, state in enumerate(self.conflicts.get(attempt, ()), 1):
            position = rows[-1]["position"] + more
            yield point_of_attempt(own[attempt], position, "conflict", states[state])

    def _attempts_of_shared(self) -> set[int]:
        c = schema.attempt.c
        rows = self.other.execute(select(c.id, c.batch))
        return {identifier for identifier, batch in rows if batch in self.shared}

    def _join_properties(self) -> None:
        """Add the properties of new minima that were computed from data of the new atlas."""
        hashes = {"", *group_hashes(contents.read_meta(self.into)["arrays"]).values()}
        ids, new = self.ids["minimum"], self.new["minimum"]
        rows = (
            {**row, "minimum_id": ids[row["minimum_id"]]}
            for row in table_rows(self.other, schema.property_value)
            if row["minimum_id"] in new and row["data_hash"] in hashes
        )
        for some in in_parts(rows):
            insert_rows(self.into, schema.property_value, some)


def _run_key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What identifies a run, whichever atlases it has been merged into since."""
    options = {name: value for name, value in row["options"].items() if name != MERGED}
    return (row["start_time"], row["seed"], row["device"], repr(sorted(options.items())))


def _point(table: Table, row: Mapping[str, Any]) -> StationaryPoint:
    """The stationary point from which a row was made."""
    vectors = (schema.from_blob(row[name]) for name in ("weights", "lowest_eigenvalues"))
    weights, lowest = vectors
    return StationaryPoint(
        weights,
        row["energy"],
        row["rms_gradient"],
        INDEX[table.name],
        lowest,
        np.nan if row["log_determinant"] is None else row["log_determinant"],
        row["uncertainty"],
        schema.from_blob(row["invariants"]),
        int(row["orbit_size"]),
        row["outside"],
    )


def _linked(row: Mapping[str, Any], minima: Mapping[int, int], states: Mapping[int, int]) -> Row:
    """A link with the ids of the atlas to which it is added."""
    return {
        **row,
        "transition_state": states[row["transition_state"]],
        "minimum": minima[row["minimum"]],
        "via": None if row["via"] is None else states[row["via"]],
    }


def _grouped(rows: Iterable[Mapping[str, Any]], name: str) -> Iterator[tuple[int, list]]:
    """Groups of consecutive rows with the same value in a column, each with that value."""
    some: list[Mapping[str, Any]] = []
    for row in rows:
        if some and row[name] != some[0][name]:
            yield some[0][name], some
            some = []
        some.append(row)
    if some:
        yield some[0][name], some


def _draws(connection: Connection) -> set[tuple[Any, ...]]:
    """The names of all independent draws of an atlas."""
    c = schema.attempt.c
    query = select(c.stream, c.strategy, c.what, c.part).where(c.stream.is_not(None))
    return {tuple(row) for row in connection.execute(query)}
