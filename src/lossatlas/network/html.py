"""A network of points as a notebook shows it: counts, and a table of the lowest minima."""

from collections.abc import Mapping

import numpy as np

ROWS = 5
"""Number of minima in the table."""


def as_html(
    counts: Mapping[str, int],
    ids: np.ndarray,
    energies: np.ndarray,
    columns: Mapping[str, np.ndarray],
) -> str:
    """HTML with counts, the lowest loss, and a table of the lowest minima with their columns.

    Args:
        counts: numbers by the plural of what is counted, such as ``"minima"``.
        ids: (m,) ids of the minima.
        energies: (m,) their energies.
        columns: (m,) values of the minima by the name of the column.
    """
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
