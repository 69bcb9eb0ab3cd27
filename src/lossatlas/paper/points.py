"""The points of a cell, as arrays in one compressed file: all that its numbers and figures need.

An atlas holds all weights and is large. This file holds losses, connections and AUC values only, so
tables and figures can be made again where the atlas is not.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lossatlas import Atlas, Network
from lossatlas.network import Links

PARTS = ("train", "incorrect", "correct", "test")
"""What an AUC is computed on: all training items, those with wrong labels (by these labels), the
other training items, the testing items."""
COLUMN = "column "
"""What the names of columns begin with in the file."""


def read_points(atlas: Atlas) -> Network:
    """The points of an atlas with all AUC columns that it has."""
    network = atlas.network()
    columns = {name: values for name, values in network.columns.items() if "_auc" in name}
    return network.with_values(columns=columns, transition_state_columns={})


def first_points(network: Network, minima: float, transition_states: float) -> Network:
    """About so many of the points that were found first: a prefix of the log.

    A transition state is found together with the minima that it joins, so all of these are there.

    Args:
        network: its points in the order found.
        minima, transition_states: how many of them; at least one minimum is kept.
    """
    states = min(int(transition_states), len(network.transition_state_energies))
    links = Links(*(part[network.links.transition_state < states] for part in network.links))
    count = max(int(minima), 1, int(links.minimum.max(initial=0)) + 1)
    return Network(
        network.minimum_ids[:count],
        network.minimum_energies[:count],
        network.transition_state_ids[:states],
        network.transition_state_energies[:states],
        links,
    )


def half_of_the_log(network: Network, discovery: Mapping[str, Sequence[float]]) -> Network:
    """The points that the first half of the attempts found.

    Args:
        network: all points in the order found.
        discovery: how the counts grew, as ``cell.json`` keeps it; without attempts half of the
            CPU time stands for half of them.
    """
    effort = discovery.get("attempts", discovery["cpu_seconds"])
    middle = [
        float(np.interp(effort[-1] / 2, effort, discovery[name]))
        for name in ("minima", "transition_states")
    ]
    return first_points(network, *middle)


def save_points(path: Path, network: Network) -> None:
    """Write a compressed ``.npz``, never half of one.

    ``minimum_1`` and ``minimum_2`` are positions of the minima that each transition state joins;
    where one joins more than two, all links are stored beside them.
    """
    arrays = {
        "loss": network.minimum_energies,
        "transition_loss": network.transition_state_energies,
        "minimum_1": network.minimum_1,
        "minimum_2": network.minimum_2,
    }
    if network.links.minimum.size > 2 * network.transition_state_ids.size:
        arrays["links"] = np.array(network.links)
    arrays |= {f"{COLUMN}{name}": values for name, values in network.columns.items()}
    new = path.with_name(f"{path.name}.new.npz")
    np.savez_compressed(new, **arrays)  # type: ignore[arg-type]
    os.replace(new, path)


def load_points(path: Path) -> Network:
    """What `save_points` wrote; ids are from 1."""
    with np.load(path) as file:
        stored = dict(file)
    columns = {
        name.removeprefix(COLUMN): values
        for name, values in stored.items()
        if name.startswith(COLUMN)
    }
    network = Network.of_pairs(
        stored["loss"], stored["transition_loss"], stored["minimum_1"], stored["minimum_2"], columns
    )
    if "links" not in stored:
        return network
    return Network(
        network.minimum_ids,
        network.minimum_energies,
        network.transition_state_ids,
        network.transition_state_energies,
        Links(*stored["links"]),
        columns,
    )
