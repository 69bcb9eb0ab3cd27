"""A network of points as a notebook shows it: counts, and a table of the lowest minima."""

from collections.abc import Mapping

import numpy as np

ROWS = 5
"""Minima in the table."""


def as_html(
    counts: Mapping[str, int],
    ids: np.ndarray,
    energies: np.ndarray,
    columns: Mapping[str, np.ndarray],
) -> str:
    """Counts by what is counted, the lowest loss, and the lowest minima with their columns."""
    import pandas as pd

    said = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    if not energies.size:
        return f"<p><b>Network</b>: {said}</p>"
    lowest = np.argsort(energies, kind="stable")[:ROWS]
    shown = {name: values[lowest] for name, values in columns.items()}
    table = pd.DataFrame({"id": ids[lowest], "loss": energies[lowest], **shown})
    said += f"; lowest loss {energies.min():.10g}"
    rows = table.to_html(index=False, float_format=lambda value: f"{value:.10g}")
    return f"<p><b>Network</b>: {said}</p>{rows}"
