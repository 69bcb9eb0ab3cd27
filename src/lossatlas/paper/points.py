"""The points of a cell, as arrays in one compressed file: all that its numbers and figures need.

An atlas holds all weights and is large. This file holds losses, connections and AUC values only, so
tables and figures can be made again where the atlas is not.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from lossatlas.atlas import Atlas, snapshot
from lossatlas.network.disconnectivity import Tree, build_tree

PARTS = ("train", "incorrect", "correct", "test")
"""What an AUC is computed on: all training items, those with wrong labels (by these labels), the
other training items, the testing items."""


class Points(NamedTuple):
    """Minima and transition states of a landscape.

    Attributes:
        loss: (m,) of the minima.
        transition_loss: (t,) of the transition states.
        minimum_1, minimum_2: (t,) positions of the minima that each of them joins.
        columns: (m,) values by the name of a column of the atlas, e.g. ``"test_auc"``.
    """

    loss: Float[np.ndarray, " m"]
    transition_loss: Float[np.ndarray, " t"]
    minimum_1: Int[np.ndarray, " t"]
    minimum_2: Int[np.ndarray, " t"]
    columns: dict[str, Float[np.ndarray, " m"]]

    @property
    def degenerate(self) -> Bool[np.ndarray, " t"]:
        """Which transition states join a minimum to its own copy."""
        return self.minimum_1 == self.minimum_2

    def tree(self) -> Tree:
        """The exact disconnectivity tree."""
        return build_tree(self.loss, self.transition_loss, self.minimum_1, self.minimum_2)


def read_points(atlas: Atlas) -> Points:
    """The points of an atlas with all AUC columns that it has."""
    taken, frame = snapshot(atlas), atlas.minima()
    order = frame.set_index("id").index.get_indexer(taken.minimum_ids)
    names = [name for name in frame.columns if "_auc" in name]
    columns = {name: frame[name].to_numpy(float)[order] for name in names}
    return Points(
        taken.minimum_energies,
        taken.transition_state_energies,
        taken.minimum_1,
        taken.minimum_2,
        columns,
    )


def save_points(path: Path, points: Points) -> None:
    """Write a compressed ``.npz``, never half of one."""
    arrays: dict[str, Any] = points._asdict()
    columns = arrays.pop("columns")
    new = path.with_name(f"{path.name}.new.npz")
    np.savez_compressed(new, **arrays, **{f"column {name}": v for name, v in columns.items()})
    os.replace(new, path)


def load_points(path: Path) -> Points:
    """What `save_points` wrote."""
    with np.load(path) as stored:
        fields = {name: stored[name] for name in Points._fields if name != "columns"}
        columns = {
            name.removeprefix("column "): stored[name]
            for name in stored.files
            if name.startswith("column ")
        }
    return Points(**fields, columns=columns)
