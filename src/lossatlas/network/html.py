"""A network of points as a notebook shows it: counts, and a table of the lowest minima."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lossatlas.network.points import Network

ROWS = 5
"""Minima in the table."""


def as_html(network: "Network") -> str:
    """Counts, the lowest loss, and the lowest minima with their columns."""
    import pandas as pd

    energies = network.minimum_energies
    counts = {
        "minima": energies.size,
        "transition states": network.transition_state_ids.size,
        "degenerate rearrangements": int(network.degenerate.sum()),
        "connected components": int(network.components.max(initial=-1)) + 1,
    }
    said = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    if not energies.size:
        return f"<p><b>Network</b>: {said}</p>"
    lowest = np.argsort(energies, kind="stable")[:ROWS]
    columns = {name: values[lowest] for name, values in network.columns.items()}
    table = pd.DataFrame({"id": network.minimum_ids[lowest], "loss": energies[lowest], **columns})
    said += f"; lowest loss {energies.min():.10g}"
    shown = table.to_html(index=False, float_format=lambda value: f"{value:.10g}")
    return f"<p><b>Network</b>: {said}</p>{shown}"
