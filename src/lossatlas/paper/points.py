"""The points of a cell as arrays in one compressed file, from which numbers and figures are made.

An atlas holds all weights and is large. This file holds only losses, connections and AUC values, so
that tables and figures can be made again without the atlas.
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
"""The parts of the data on which an AUC is computed: all training items, those with wrong labels
(against these labels), the other training items, and the testing items."""
AT_ONCE = 1000
"""Number of minima whose weights are read at once."""
COLUMN = "column "
"""Beginning of the names of columns in the file."""


def read_points(atlas: Atlas, losses: Float[np.ndarray, " m"] | None = None) -> Network:
    """Read the points of an atlas, with the columns that the numbers of a cell need.

    Args:
        atlas: an open atlas.
        losses: (m,) losses of the minima on the testing items; by default None, left out.

    Returns:
        The network with all AUC columns of the atlas, ``log_orbit`` (the logarithm of the number of
        symmetry copies), ``basin_hits`` (the number of independent quenches that ended in the
        minimum) and, if given, ``test_loss``.
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
    """(m,) the loss of every minimum on the testing items, L2 term included.

    Args:
        landscape: the landscape of the atlas.
        atlas: an open atlas, whose problem has testing items.
    """
    points, arrays = atlas.network(), atlas.problem.arrays
    ids = points.minimum_ids.tolist()

    def entropy(weights: np.ndarray, group: str) -> np.ndarray:
        labels = arrays[f"{group}_labels"]
        found = []
        for one in weights:  # one by one, since the outputs of all would not fit into the memory
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
    """The points that were found first, as after a part of the log.

    A transition state is found together with the minima that it joins, so these are kept as well.

    Args:
        network: the points of a cell in the order in which they were found.
        minima: number of minima to keep, rounded; at least one is kept.
        transition_states: number of transition states to keep, rounded.
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
        network: the points of a cell in the order in which they were found.
        discovery: the growth of the counts, as ``cell.json`` stores it. If it has no numbers of
            attempts, the points of the first half of the CPU time are returned.
    """
    effort = discovery.get("attempts", discovery["cpu_seconds"])
    middle = [
        float(np.interp(effort[-1] / 2, effort, discovery[name]))
        for name in ("minima", "transition_states")
    ]
    return first_points(network, *middle)


def save_points(path: Path, network: Network) -> None:
    """Write the points to a compressed ``.npz`` file, so that no half-written file is left.

    ``minimum_1`` and ``minimum_2`` are positions of the minima that each transition state joins. If
    a transition state joins more than two, all links are stored as well.
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
    """Read the points that `save_points` wrote, with ids from 1."""
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
