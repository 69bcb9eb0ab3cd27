"""Encode the row of leaves for the browser, small enough for hundreds of thousands of minima.

Losses are stored relative to the lowest one, in single precision, which resolves low minima best.
Other columns keep five digits. Before compression, the first bytes of all numbers are put together,
then the second bytes and so on, since leading bytes repeat and trailing ones do not.
"""

import zlib

import numpy as np

from lossatlas.browser.leaves import Leaves
from lossatlas.errors import BadInputError

DIGITS_KEPT = 17
"""Bits of the fraction that further columns keep; the error of 4e-6 is below the digits shown."""
FRACTION = 23
"""Bits of the fraction of a number in single precision."""


def pack(leaves: Leaves) -> bytes:
    """Encode a row of leaves.

    The content is, each with n entries, the ids, the losses and the gaps relative to the lowest
    loss, and then the further columns. The last gap is at the right end and infinite.

    Args:
        leaves: the row of leaves, at least one.

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
    with np.errstate(over="ignore"):  # Values that are too large become infinite.
        return values.astype("<f4")


def _rounded(values: np.ndarray) -> np.ndarray:
    """Round numbers to fewer bits; numbers that are not finite stay as they are."""
    dropped = FRACTION - DIGITS_KEPT
    bits = values.view("<u4")
    rounded = (bits + np.uint32(1 << (dropped - 1))) & ~np.uint32((1 << dropped) - 1)
    return np.where(np.isfinite(values), rounded.view("<f4"), values).astype("<f4")


def _planes(array: np.ndarray) -> bytes:
    return array.view(np.uint8).reshape(array.size, 4).T.tobytes()
