"""Whether the columns of AUC that an atlas holds are those of its weights and its data."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lossatlas.analysis.auc_columns import GROUPS, PARTS, values_of
from lossatlas.atlas import Atlas

COLUMN = re.compile(
    rf"(?P<group>{'|'.join((*GROUPS, *PARTS))})_auc"
    r"(?:_class_(?P<number>\d+)|_(?P<macro>macro))?(?:_(?P<rule>threshold))?"
)
TOLERANCE = 1e-4
"""Scores that are equal but for rounding may be ranked otherwise by another processor."""


def wrong_auc(atlas: Atlas, landscape: Any, ids: Sequence[int]) -> Iterator[str]:
    """What is wrong with the columns of AUC of some minima, in words.

    Args:
        atlas: an open atlas; its problem holds the data, or there are no such columns.
        landscape: of the atlas; one that classifies, where there are such columns.
        ids: of the minima.
    """
    frame = atlas.minima(outside=True).set_index("id")
    for name in frame.columns:
        found = COLUMN.fullmatch(name)
        if found is None or "train_inputs" not in atlas.problem.arrays:
            continue
        stored = frame.loc[list(ids), name].dropna()
        kind: Any = (
            "macro" if found["macro"] else int(found["number"] or 0),
            found["rule"] or "rank",
        )
        values = values_of(atlas, landscape, stored.index.tolist(), found["group"], kind)
        for identifier, value in values.items():
            if not np.isclose(value, stored[identifier], rtol=0.0, atol=TOLERANCE):
                yield f"minimum {identifier}: {name} {value:.6g}, stored {stored[identifier]:.6g}"
