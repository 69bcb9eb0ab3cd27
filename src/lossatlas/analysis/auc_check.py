"""Check that the AUC columns of an atlas agree with its weights and its data."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lossatlas.analysis.auc_columns import GROUPS, PARTS, values_of
from lossatlas.atlas import Atlas
from lossatlas.landscape.base import Landscape

COLUMN = re.compile(
    rf"(?P<group>{'|'.join((*GROUPS, *PARTS))})_auc"
    r"(?:_class_(?P<number>\d+)|_(?P<macro>macro))?(?:_(?P<rule>threshold))?"
)
TOLERANCE = 1e-4
"""Largest difference of AUC that is no error: another processor may round scores that are nearly
equal in another order."""


def wrong_auc(atlas: Atlas, landscape: Landscape, ids: Sequence[int]) -> Iterator[str]:
    """Describe, in words, every stored AUC of some minima that differs from the computed one.

    Args:
        atlas: an open atlas. Without data in its problem there is nothing to check.
        landscape: the landscape of the atlas; it has to be a network if there are AUC columns.
        ids: ids of the minima to check.
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
