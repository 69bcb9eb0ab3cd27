"""How a minimum predicts numbers: predictions against the numbers themselves."""

from typing import Any

import numpy as np

from lossatlas.browser.figures import class_color, plain, small_figure
from lossatlas.browser.served import ServedAtlas, Targets

MOST_OUTPUTS = 4
"""Largest number of predicted quantities that are drawn, the first ones."""
MOST_ITEMS = 5000
"""Largest number of items that are drawn, the first ones."""


def prediction_figures(served: ServedAtlas, w: np.ndarray) -> list[Any]:
    """A figure for each quantity that a network predicts, with the testing or training items.

    Args:
        served: the atlas.
        w: (n,) weights of the network.

    Returns:
        The figures; none if the network does not predict numbers.
    """
    for group in ("test", "train"):
        targets = served.targets(group)
        if targets is not None and served.landscape is not None:
            predicted = targets.in_units(served.landscape.outputs(w, targets.inputs)[0])
            known = targets.in_units(targets.scaled)
            return [
                _figure(name, group, known[:MOST_ITEMS, k], predicted[:MOST_ITEMS, k])
                for k, name in enumerate(_names(targets)[:MOST_OUTPUTS])
            ]
    return []


def _names(targets: Targets) -> list[str]:
    outputs = targets.scaled.shape[1]
    if len(targets.names) == outputs:
        return [plain(name) for name in targets.names]
    return [f"output {k + 1}" for k in range(outputs)]


def _figure(name: str, group: str, known: np.ndarray, predicted: np.ndarray) -> Any:
    plot = small_figure(f"Predictions, {group} items", name, f"predicted {name}")
    ends = [float(known.min()), float(known.max())]
    plot.line(ends, ends, line_color="#999999", line_dash="dotted")
    plot.scatter(known, predicted, size=4, color=class_color(0), alpha=0.7)
    return plot
