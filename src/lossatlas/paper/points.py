"""The points of a cell, as arrays in one compressed file: all that its numbers and figures need.

An atlas holds all weights and is large. This file holds losses, connections and AUC values only, so
tables and figures can be made again where the atlas is not.
"""

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from lossatlas import Atlas, Network, NetworkLandscape
from lossatlas.network import Links

PARTS = ("train", "incorrect", "correct", "test")
"""What an AUC is computed on: all training items, those with wrong labels (by these labels), the
other training items, the testing items."""
AT_ONCE = 1000
"""Minima whose weights are read together."""
COLUMN = "column "
"""What the names of columns begin with in the file."""


def read_points(atlas: Atlas, losses: Float[np.ndarray, " m"] | None = None) -> Network:
    """The points of an atlas with what the numbers of a cell need of each minimum.

    Args:
        atlas: an open atlas.
        losses: of the minima on the testing items; default left out.

    Returns:
        its network with all AUC columns that it has, ``log_orbit`` (logarithm of the number of
        symmetry copies), ``basin_hits`` (how many independent quenches ended there) and, if given,
        ``test_loss``.
    """
    network = atlas.network()
    columns = {name: values for name, values in network.columns.items() if "_auc" in name}
    orbits = network.columns["orbit_size"].tolist()
    columns["log_orbit"] = np.array([math.log(int(size)) for size in orbits])
    attempts = atlas.attempts()
    hits = Counter(m[-1] for m in attempts["minima"][attempts["stream"] == "minima"] if len(m))
    columns["basin_hits"] = np.array([float(hits[key]) for key in network.minimum_ids.tolist()])
    if losses is not None:
        columns["test_loss"] = losses
    return network.with_values(columns=columns, transition_state_columns={})


def losses_in_testing(landscape: NetworkLandscape, atlas: Atlas) -> Float[np.ndarray, " m"]:
    """The loss of every minimum on the testing items, L2 term included.

    Args:
        landscape: that of the atlas.
        atlas: with a problem that has testing items.
    """
    points, arrays = atlas.network(), atlas.problem.arrays
    ids = points.minimum_ids.tolist()

    def entropy(weights: np.ndarray, group: str) -> np.ndarray:
        labels = arrays[f"{group}_labels"]
        found = []
        for one in weights:  # outputs of all minima at once would not fit the memory
            outputs = landscape.logits(one[None], arrays[f"{group}_inputs"])[0]
            chosen = outputs[np.arange(len(labels)), labels]
            found.append(float(np.mean(np.logaddexp.reduce(outputs, axis=1) - chosen)))
        return np.array(found)

    losses = np.empty(len(ids))
    for first in range(0, len(ids), AT_ONCE):
        rows = slice(first, first + AT_ONCE)
        weights = atlas.minimum_weights(ids[rows])
        penalty = points.minimum_energies[rows] - entropy(weights, "train")
        losses[rows] = entropy(weights, "test") + penalty
    return losses


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
