"""The row of leaves as bytes for the browser, small enough for hundreds of thousands of minima.

Losses are stored above the lowest one, in single precision: their digits are then those that tell
the low minima apart. Other columns keep five digits. The bytes of equal weight stand together
before they are compressed, since leading bytes repeat and trailing ones do not.
"""

import zlib

import numpy as np

from lossatlas.browser.leaves import Leaves
from lossatlas.errors import BadInputError

DIGITS_KEPT = 17
"""Bits of the fractions of further columns: an error of 4e-6, below the digits that are shown."""
FRACTION = 23
"""Bits of the fraction of a number in single precision."""


def pack(leaves: Leaves) -> bytes:
    """Ids, losses above the lowest, gaps above the lowest, then the columns, each n entries.

    The last gap stands for the right end and is infinite.

    Raises:
        BadInputError: an id does not fit into 32 bits.

    Examples:
        >>> row = Leaves(np.array([7, 9]), np.array([0.5, 0.75]), np.array([1.0]), {}, 1.0)
        >>> planes = np.frombuffer(zlib.decompress(pack(row)), np.uint8).reshape(3, 4, 2)
        >>> planes[1].T.copy().view("<f4").ravel()
        array([0.  , 0.25], dtype=float32)
    """
    if leaves.ids.size and leaves.ids.max() > np.iinfo(np.int32).max:
        problem = f"id {leaves.ids.max()} is larger than browsers can show"
        raise BadInputError("minima", problem, "number the minima anew, from 1")
    lowest = leaves.losses.min()
    gaps = np.append(leaves.gaps, np.inf) - lowest
    arrays = [leaves.ids.astype("<i4"), _single(leaves.losses - lowest), _single(gaps)]
    arrays += [_rounded(_single(values)) for values in leaves.columns.values()]
    return zlib.compress(b"".join(_planes(array) for array in arrays), 6)


def _single(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # what is too large is infinite
        return values.astype("<f4")


def _rounded(values: np.ndarray) -> np.ndarray:
    """With the last bits of the fraction zero, rounded; what is not finite stays as it is."""
    dropped = FRACTION - DIGITS_KEPT
    bits = values.view("<u4")
    rounded = (bits + np.uint32(1 << (dropped - 1))) & ~np.uint32((1 << dropped) - 1)
    return np.where(np.isfinite(values), rounded.view("<f4"), values).astype("<f4")


def _planes(array: np.ndarray) -> bytes:
    return array.view(np.uint8).reshape(array.size, 4).T.tobytes()
