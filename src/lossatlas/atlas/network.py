"""Read the network of points of an atlas, and later only what has changed since.

Points and links are only ever added, with ascending ids, so that an older network is continued by
the rows with larger ids. Two things change. The number of times that a point was found grows with
every attempt that meets it; attempts are only ever added too, so it is counted on from the last
attempt read. Properties of minima are written rarely, and disappear when the data from which they
were computed are replaced; they are read anew when this has happened.
"""

from itertools import compress
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, Table, func, select

from lossatlas.atlas import contents, schema
from lossatlas.atlas.columns import read_lists, stack
from lossatlas.atlas.links import read_links
from lossatlas.atlas.records import group_hashes
from lossatlas.errors import AtlasError, BadInputError
from lossatlas.network.links import Links
from lossatlas.network.points import Network

COLUMNS = ("lowest_eigenvalue", "orbit_size", "times_found", "rms_gradient", "log_determinant")
"""The columns of the points of a network besides their energies."""
CURVATURE = "curvature"
"""The name of the column with the lowest eigenvalues of transition states."""


class _Points(NamedTuple):
    """Points of one kind by ascending id, their columns, and whether they lie outside the box."""

    ids: np.ndarray
    energies: np.ndarray
    columns: dict[str, np.ndarray]
    outside: np.ndarray


class Reading(NamedTuple):
    """A network as it was read, with what is needed to find out later what has changed.

    Attributes:
        network: the network of all points, including those outside of the box of a function.
        outside_minima: (m,) whether each minimum lies outside of the box.
        outside_states: (t,) whether each transition state lies outside of the box.
        attempt: id of the last attempt whose points are counted.
        properties: state of the properties of the minima; if it differs, they are read anew.
    """

    network: Network
    outside_minima: np.ndarray
    outside_states: np.ndarray
    attempt: int
    properties: tuple[object, ...]

    def inside(self) -> Network:
        """The network without points outside of the box and transition states that join them."""
        if not (self.outside_minima.any() or self.outside_states.any()):
            return self.network
        return self.network.restricted(~self.outside_minima, ~self.outside_states)


def read_network(connection: Connection, known: Reading | None = None) -> Reading:
    """Read the network of points in one transaction, so that every link leads to a point of it.

    Args:
        connection: a connection to the atlas, see `Atlas.reading`.
        known: an earlier result, from which everything that cannot change is taken; default none.

    Returns:
        The network as it is now; ``known`` itself if nothing has changed.

    Raises:
        AtlasError: a link leads to a point that is not there.
    """
    before = known or _nothing()
    old, last = before.network, select(func.coalesce(func.max(schema.attempt.c.id), 0))
    attempt, state = connection.execute(last).scalar_one(), _property_state(connection)
    minima = _grown(connection, schema.minimum, _old_minima(before), before.attempt)
    states = _grown(connection, schema.transition_state, _old_states(before), before.attempt)
    new = minima.ids.size - old.minimum_ids.size, states.ids.size - old.transition_state_ids.size
    if (
        known is not None
        and new == (0, 0)
        and (attempt, state) == (known.attempt, known.properties)
    ):
        return known
    if state == before.properties:
        properties = {
            name: np.pad(values, (0, new[0]), constant_values=np.nan)
            for name, values in old.columns.items()
            if name not in COLUMNS
        }
    else:
        properties = read_properties(connection, minima.ids)
    columns, state_columns = minima.columns | properties, _renamed(states.columns)
    if new == (0, 0):
        network = old.with_values(columns=columns, transition_state_columns=state_columns)
    else:
        points = minima.ids, minima.energies, states.ids, states.energies
        network = Network(*points, _links(connection, old, *points[::2]), columns, state_columns)
    return Reading(network, minima.outside, states.outside, attempt, state)


def with_weights(connection: Connection, network: Network) -> Network:
    """The same network with the weights of all of its points."""
    weights = []
    for table, ids in (
        (schema.minimum, network.minimum_ids),
        (schema.transition_state, network.transition_state_ids),
    ):
        query = select(table.c.id, table.c.weights).where(table.c.id <= _last(ids))
        there, blobs = read_lists(connection, query.order_by(table.c.id))
        kept = np.isin(np.array(there, np.int64), ids)
        weights.append(stack(list(compress(blobs, kept))))
    return network.with_values(minimum_weights=weights[0], transition_state_weights=weights[1])


def read_properties(connection: Connection, ids: np.ndarray) -> dict[str, np.ndarray]:
    """Read the properties of minima.

    Args:
        connection: a connection to the atlas.
        ids: (m,) ids of the minima, ascending.

    Returns:
        For each property, by its name, (m,) values; NaN for minima for which it was not computed.
        Properties of data that the atlas no longer holds are left out.
    """
    hashes = group_hashes(contents.read_meta(connection)["arrays"]).values()
    table = schema.property_value.c
    shown = table.data_hash.in_(["", *hashes])
    names = select(table.name).distinct().where(shown).order_by(table.name)
    values = {}
    for name in connection.execute(names).scalars().all():
        query = select(table.minimum_id, table.value).where(table.name == name, shown)
        of_minima, computed = read_lists(connection, query)
        values[name] = np.full(ids.size, np.nan)
        values[name][np.searchsorted(ids, of_minima)] = computed
    return values


def _property_state(connection: Connection) -> tuple[object, ...]:
    """The state of the properties: how often they were written, and for which data they hold.

    If it is the same as before, the properties are those that were read before.
    """
    stored = contents.read_meta(connection)
    hashes = group_hashes(stored["arrays"])
    return stored.get(contents.PROPERTIES_WRITTEN, 0), *sorted(hashes.values())


def _old_minima(before: Reading) -> _Points:
    network = before.network
    columns = {name: network.columns[name] for name in COLUMNS if name in network.columns}
    return _Points(network.minimum_ids, network.minimum_energies, columns, before.outside_minima)


def _old_states(before: Reading) -> _Points:
    network = before.network
    named = {
        COLUMNS[0] if name == CURVATURE else name: values
        for name, values in network.transition_state_columns.items()
    }
    ids, energies = network.transition_state_ids, network.transition_state_energies
    return _Points(ids, energies, named, before.outside_states)


def _renamed(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Columns of transition states with the names that they have in a network."""
    return {CURVATURE if name == COLUMNS[0] else name: values for name, values in columns.items()}


def _grown(connection: Connection, table: Table, old: _Points, attempt: int) -> _Points:
    """Continue points that were read before by those with larger ids, and count them on.

    Args:
        connection: a connection to the atlas.
        table: ``schema.minimum`` or ``schema.transition_state``.
        old: the points that were read before.
        attempt: id of the last attempt that is counted in them.
    """
    names = ("id", "energy", *COLUMNS, "outside")
    query = select(*(table.c[name] for name in names)).where(table.c.id > _last(old.ids))
    new = dict(zip(names, read_lists(connection, query.order_by(table.c.id)), strict=True))
    shared = {text: int(text) for text in set(new["orbit_size"])}  # Some are larger than 2**63.
    sizes = np.empty(len(new["id"]), object)
    sizes[:] = [shared[text] for text in new["orbit_size"]]
    kinds = {"id": np.int64, "times_found": np.int64, "outside": bool}
    read = {
        name: np.array(new[name], kinds.get(name, np.float64))
        for name in names
        if name != "orbit_size"
    }
    read["orbit_size"] = sizes
    counted = _counted_again(connection, table, old, attempt)
    columns = old.columns | ({"times_found": counted} if old.ids.size else {})
    return _Points(
        _joined(old.ids, read["id"]),
        _joined(old.energies, read["energy"]),
        {name: _joined(columns.get(name), read[name]) for name in COLUMNS},
        _joined(old.outside, read["outside"]),
    )


def _counted_again(connection: Connection, table: Table, old: _Points, attempt: int) -> np.ndarray:
    """How often the older points were found by now, including the attempts made since."""
    if not old.ids.size:
        return np.zeros(0, np.int64)
    point = schema.attempt_point.c
    met = point[table.name]
    query = (
        select(met, func.count())
        .where(
            point.attempt > attempt, met <= _last(old.ids), point.role.in_(schema.MET[table.name])
        )
        .group_by(met)
    )
    ids, numbers = read_lists(connection, query)
    found = old.columns["times_found"]
    if ids:
        found = found.copy()
        found[np.searchsorted(old.ids, ids)] += numbers
    return found


def _links(
    connection: Connection, old: Network, minimum_ids: np.ndarray, state_ids: np.ndarray
) -> Links:
    """The links of all transition states, with positions of points instead of ids."""
    new = read_links(connection, _last(old.transition_state_ids))
    try:
        new = new.at_positions(state_ids, minimum_ids)
    except BadInputError as error:
        problem = f"the atlas is damaged: {error.problem}"
        raise AtlasError(f"{problem}; lossatlas verify lists all damage, restore a copy") from error
    return Links(*(np.concatenate(parts) for parts in zip(old.links, new, strict=True)))


def _joined(old: np.ndarray | None, new: np.ndarray) -> np.ndarray:
    if old is None or not old.size:
        return new
    return np.concatenate([old, new]) if new.size else old


def _nothing() -> Reading:
    empty, none = np.zeros(0), np.zeros(0, bool)
    return Reading(Network.of_pairs(empty, empty, empty, empty), none, none, 0, ())


def _last(ids: np.ndarray) -> int:
    return int(ids[-1]) if ids.size else 0
