"""The network of points of an atlas, read again only as far as it has changed.

Points and links are only ever added, with ascending ids: an older network is continued by what has
a larger id. What changes are columns: how often a point was found, and the properties of minima,
which also disappear when the data they were computed from are replaced. These are read anew.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, Table, select

from lossatlas.atlas import contents, schema
from lossatlas.atlas.columns import read_columns, stack
from lossatlas.atlas.links import read_links
from lossatlas.atlas.outside import outside_flags
from lossatlas.atlas.records import group_hashes
from lossatlas.box import Box
from lossatlas.errors import AtlasError, BadInputError
from lossatlas.network.links import Links
from lossatlas.network.points import Network


class _Points(NamedTuple):
    """Points of one kind by ascending id, and their columns by name."""

    ids: np.ndarray
    energies: np.ndarray
    columns: dict[str, np.ndarray]


def read_network(connection: Connection, known: Network | None = None) -> Network:
    """The network of points within a transaction, so that every link leads to a point of it.

    Args:
        connection: to the atlas.
        known: the network as it was before, of which everything that cannot change is taken over.
            Given back itself if nothing has changed.

    Raises:
        AtlasError: if a link leads to a point that is not there.
    """
    known = known or _nothing()
    minima = _minima(connection, known)
    states = _transition_states(connection, known)
    if (minima.ids.size, states.ids.size) == (
        known.minimum_ids.size,
        known.transition_state_ids.size,
    ):
        if _same(minima.columns, known.columns) and _same(
            states.columns, known.transition_state_columns
        ):
            return known
        return known.with_values(columns=minima.columns, transition_state_columns=states.columns)
    new = read_links(connection, _last(known.transition_state_ids))
    try:
        new = new.at_positions(states.ids, minima.ids)
    except BadInputError as error:
        problem = f"the atlas is damaged: {error.problem}"
        raise AtlasError(f"{problem}; lossatlas verify says what else, restore a copy") from error
    links = (np.concatenate(parts) for parts in zip(known.links, new, strict=True))
    return Network(
        minima.ids,
        minima.energies,
        states.ids,
        states.energies,
        Links(*links),
        minima.columns,
        states.columns,
    )


def inside(connection: Connection, network: Network) -> Network:
    """The network without the points outside of the box of a function, and what joins them.

    Args:
        connection: within the transaction that the network, with all points, was read in.
        network: from `read_network`.
    """
    if Box.of(contents.read_meta(connection)["fingerprint"]) is None:
        return network  # as of every network: nothing can lie outside
    tables = (schema.minimum, schema.transition_state)
    minima, states = (~outside_flags(connection, table) for table in tables)
    return network if minima.all() and states.all() else network.restricted(minima, states)


def with_weights(connection: Connection, network: Network) -> Network:
    """The same network with the weights of all of its points."""
    weights = []
    for table, ids in (
        (schema.minimum, network.minimum_ids),
        (schema.transition_state, network.transition_state_ids),
    ):
        query = select(table.c.id, table.c.weights).where(table.c.id <= _last(ids))
        read = read_columns(connection, query.order_by(table.c.id))
        kept = np.isin(read["id"].astype(np.int64), ids)
        weights.append(stack(read["weights"][kept].tolist()))
    return network.with_values(minimum_weights=weights[0], transition_state_weights=weights[1])


def read_properties(connection: Connection, ids: np.ndarray) -> dict[str, np.ndarray]:
    """The properties of minima by name, one value for each of the ids, which ascend.

    NaN where a property was not computed. Only those computed from data that the atlas holds now.
    """
    hashes = group_hashes(contents.read_meta(connection)["arrays"]).values()
    table = schema.property_value.c
    shown = table.data_hash.in_(["", *hashes])
    names = select(table.name).distinct().where(shown).order_by(table.name)
    values = {}
    for name in connection.execute(names).scalars().all():
        query = select(table.minimum_id, table.value).where(table.name == name, shown)
        read = read_columns(connection, query)
        values[name] = np.full(ids.size, np.nan)
        values[name][np.searchsorted(ids, read["minimum_id"])] = read["value"].astype(np.float64)
    return values


def _minima(connection: Connection, known: Network) -> _Points:
    old = _Points(known.minimum_ids, known.minimum_energies, dict(known.columns))
    grown = _grown(connection, schema.minimum, "lowest_eigenvalue", old)
    return grown._replace(columns=grown.columns | read_properties(connection, grown.ids))


def _transition_states(connection: Connection, known: Network) -> _Points:
    columns = dict(known.transition_state_columns)
    old = _Points(known.transition_state_ids, known.transition_state_energies, columns)
    return _grown(connection, schema.transition_state, "curvature", old)


def _grown(connection: Connection, table: Table, eigenvalue: str, old: _Points) -> _Points:
    """Older points and those with larger ids; ``eigenvalue`` is what the lowest one is called."""
    stored: dict[str, ColumnElement] = {
        eigenvalue: table.c.lowest_eigenvalue.label(eigenvalue),
        "orbit_size": table.c.orbit_size,
        "rms_gradient": table.c.rms_gradient,
        "log_determinant": table.c.log_determinant,
    }
    query = select(table.c.id, table.c.energy, *stored.values())
    new = read_columns(connection, query.where(table.c.id > _last(old.ids)).order_by(table.c.id))
    sizes = np.empty(new["id"].size, object)  # orbits may have more than 2**63 copies
    sizes[:] = [int(text) for text in new["orbit_size"].tolist()]
    del new["orbit_size"]
    values = {name: column.astype(np.float64) for name, column in new.items()}
    values["orbit_size"] = sizes
    count = select(table.c.times_found).order_by(table.c.id)
    found = read_columns(connection, count)["times_found"].astype(np.int64)
    columns = {name: _joined(old.columns.get(name), values[name]) for name in stored}
    order = (eigenvalue, "orbit_size", "times_found", "rms_gradient", "log_determinant")
    return _Points(
        _joined(old.ids, new["id"].astype(np.int64)),
        _joined(old.energies, new["energy"].astype(np.float64)),
        {name: (columns | {"times_found": found})[name] for name in order},
    )


def _joined(old: np.ndarray | None, new: np.ndarray) -> np.ndarray:
    if old is None or not old.size:
        return new
    return np.concatenate([old, new]) if new.size else old


def _nothing() -> Network:
    empty = np.zeros(0)
    return Network.of_pairs(empty, empty, empty, empty)


def _last(ids: np.ndarray) -> int:
    return int(ids[-1]) if ids.size else 0


def _same(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    """Whether two sets of columns are equal; what is taken over is the same array."""
    return list(one) == list(other) and all(
        np.array_equal(values, other[name], equal_nan=values.dtype.kind == "f")
        for name, values in one.items()
    )
