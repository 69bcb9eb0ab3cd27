"""Cells made by hand, for tests that need results and no exploration."""

import json
from pathlib import Path

import numpy as np

from lossatlas.network import Network
from lossatlas.paper.cell import Cell, Effort
from lossatlas.paper.exploring import VERSION, Record, cell_folder
from lossatlas.paper.points import save_points

ABOUT = {
    "completeness": [
        {
            "points": "minima",
            "atlas_coverage": 0.98,
            "atlas_coverage_low": 0.95,
            "atlas_coverage_high": 0.99,
        }
    ],
    "distribution": {"class": ["a", "b"], "before": [3, 2], "changed": [1, 0], "after": [2, 3]},
    "quenches": 12,
    "device": "cpu: cpu",
    "versions": {"lossatlas": "0.1"},
    "discovery": {"cpu_seconds": [0.0, 60.0], "minima": [0, 3], "transition_states": [0, 2]},
}


def points(shift: float = 0.0) -> Network:
    """Three minima, two transition states between them and a degenerate one."""
    return Network.of_pairs(
        np.array([0.3, 0.1, 0.2]) + shift,
        np.array([0.5, 0.4, 0.45]) + shift,
        minimum_1=np.array([0, 1, 2]),
        minimum_2=np.array([1, 2, 2]),
        columns={
            f"{part}_auc{suffix}": values + step
            for suffix, step in (("", 0.0), ("_threshold", 0.001), ("_macro", 0.1))
            for part, values in (
                ("train", np.array([0.6, 0.8, 0.7])),
                ("test", np.array([0.5, 0.7, 0.55])),
            )
        },
    )


def record(cell: Cell, folder: Path = Path(), seconds: float = 60.0, **numbers: float) -> Record:
    """A record with these numbers, not written anywhere."""
    effort = Effort(seconds, seconds, 3, 3, 40, "time")
    return Record(cell, cell_folder(folder, cell), effort, numbers, ABOUT)


def write(folder: Path, cell: Cell, shift: float = 0.0, **numbers: float) -> Record:
    """The files of a finished cell."""
    made = record(cell, folder, 60.0 * 60.0, **numbers)
    made.folder.mkdir(parents=True)
    save_points(made.folder / "points.npz", points(shift))
    content = {
        "key": cell.key,
        "version": VERSION,
        "effort": made.effort._asdict(),
        "numbers": numbers,
        "about": ABOUT,
    }
    (made.folder / "cell.json").write_text(json.dumps(content))
    return made
