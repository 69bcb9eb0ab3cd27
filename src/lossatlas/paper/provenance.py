"""How the numbers of a cell were computed, and whether cells may be compared.

The points that are found depend on more than the settings of a cell: on the width of the
exploration, on the rule by which transition states are joined to minima, and on versions and
devices. Cells that differ in these are not combined in one statement.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lossatlas import Atlas
from lossatlas.paper.cell import Effort

if TYPE_CHECKING:
    from pandas import DataFrame

LINK_RULE = "gradient flow, all ends of both sides"
"""The rule by which transition states are joined to minima; the text changes with the rule."""
CURVE_POINTS = 100
"""Number of points on the growth curve that ``cell.json`` stores."""


def about_atlas(atlas: Atlas, efforts: list[Effort]) -> dict[str, Any]:
    """Collect how an atlas was made.

    Args:
        atlas: an open atlas.
        efforts: the effort after each line of the log, from the first.

    Returns:
        Values by name: ``distribution`` of the classes, ``status``, ``quenches``,
        ``attempts_by_strategy``, ``runs``, ``versions``, ``device``, ``setting`` (see
        `setting_of`), ``last_run``, ``abundances`` (the number of minima, by how often independent
        quenches found them) and ``discovery`` (the growth of the counts).
    """
    from lossatlas import class_distribution

    status, runs, attempts = atlas.status(), atlas.runs(), atlas.attempts()
    hopping = attempts[attempts["strategy"] == "basin-hopping"]
    quenches = sum(map(len, hopping["minima"])) + sum(sum(f.values()) for f in hopping["failures"])
    return {
        "distribution": class_distribution(atlas).to_dict("list"),
        "status": {k: v for k, v in status.items() if k != "fingerprint"},
        "quenches": quenches,
        "attempts_by_strategy": attempts["strategy"].value_counts().to_dict(),
        "runs": len(runs),
        "versions": runs["versions"].iloc[-1],
        "device": runs["device"].iloc[-1],
        "setting": _setting(atlas, runs),
        "last_run": str(runs["start_time"].iloc[-1].date()),
        "abundances": _abundances(attempts),
        "discovery": _thinned(efforts),
    }


def _setting(atlas: Atlas, runs) -> dict[str, Any]:
    """What may change numbers besides the settings of the cell; it must agree in a comparison."""
    options, widths = list(runs["options"]), set(atlas.attempts()["width"].tolist())
    return {
        "width": sorted(widths),
        "lanes": sorted({str(run.get("lanes")) for run in options}),
        "workers": sorted({str(run.get("workers")) for run in options}),
        "device": sorted(set(runs["device"])),
        "link_rule": LINK_RULE,
        "versions": sorted({versions["lossatlas"] for versions in runs["versions"]}),
    }


def _thinned(efforts: list[Effort]) -> dict[str, list[float]]:
    """The growth of the counts with CPU seconds and attempts, at `CURVE_POINTS` points."""
    chosen = np.unique(np.linspace(0, len(efforts) - 1, CURVE_POINTS).astype(int))
    names = ("seconds", "cpu_seconds", "minima", "transition_states", "attempts")
    return {name: [getattr(efforts[k], name) for k in chosen] for name in names}


def _abundances(attempts: "DataFrame") -> dict[str, int]:
    """The number of minima that quenches from random starts have found once, twice, and so on."""
    drawn = attempts[attempts["stream"] == "minima"]
    hits = [minima[-1] for minima in drawn["minima"] if len(minima)]
    counts = np.unique(hits, return_counts=True)[1]
    times, number = np.unique(counts, return_counts=True)
    return {str(t): int(n) for t, n in zip(times, number, strict=True)}


def setting_of(about: Mapping[str, Any]) -> str:
    """How a cell was computed, in words.

    Cells of earlier versions, which did not store it, are described by what they did store.
    """
    known = about.get("setting")
    if known is None:
        return f"{about['device']}, lossatlas {about['versions']['lossatlas']}"
    return ", ".join(
        f"{name} {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in known.items()
    )
