"""Packing of several small arrays into one row, so that one transfer brings them to the device.

Every array that is passed between Python and compiled code takes some ten microseconds, however
small it is, and jobs and results are trees of about ten arrays. Therefore the arrays of a lane are
written side by side into a row of double-precision numbers. These represent every number that
searches use exactly: real numbers of either precision, truth values, and whole numbers below 2^53.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float


@dataclass(frozen=True)
class Packing:
    """Tells which places of a row belong to which arrays of a tree.

    Args:
        structure: structure of the tree, as `jax.tree.structure` returns it.
        leaves: shape and type of each array of the tree.

    Examples:
        >>> packing = Packing.of((np.zeros(2), np.asarray(True)))
        >>> row = np.zeros(packing.size)
        >>> packing.write(row, (np.array([1.0, 2.0]), np.asarray(True)))
        >>> row.tolist()
        [1.0, 2.0, 1.0]
        >>> vector, truth = packing.read(row)
        >>> vector.tolist(), bool(truth)
        ([1.0, 2.0], True)
    """

    structure: Any
    leaves: tuple[tuple[tuple[int, ...], np.dtype], ...]

    @classmethod
    def of(cls, tree: Any) -> "Packing":
        """Return the packing of a tree of arrays, or of objects with their `shape` and `dtype`."""
        leaves, structure = jax.tree.flatten(tree)
        return cls(structure, tuple((tuple(x.shape), np.dtype(x.dtype)) for x in leaves))

    @cached_property
    def places(self) -> tuple[slice, ...]:
        """The places of each array in a row."""
        ends = np.cumsum([0, *(prod(shape) for shape, _ in self.leaves)]).tolist()
        return tuple(slice(*pair) for pair in pairwise(ends))

    @cached_property
    def size(self) -> int:
        """Number of places in a row."""
        return self.places[-1].stop if self.places else 0

    def write(self, row: Float[np.ndarray, " size"], tree: Any) -> None:
        """Write the arrays of a tree into a row.

        Args:
            row: (size,) the row.
            tree: a tree of arrays with the structure, shapes and kinds of this packing.

        Raises:
            TypeError: if an array has another shape or kind.
        """
        leaves = jax.tree.leaves(tree)
        for place, (shape, dtype), leaf in zip(self.places, self.leaves, leaves, strict=True):
            array = np.asarray(leaf)
            if array.shape != shape or (array.dtype.kind == "f") != (dtype.kind == "f"):
                found = f"{array.dtype} {array.shape}"
                raise TypeError(f"a job of a kernel has {found} where others have {dtype} {shape}")
            row[place] = array.ravel()

    def read(self, row: Float[np.ndarray, " size"]) -> Any:
        """Read the tree from a row (size,), into new NumPy arrays and numbers."""
        arrays = [
            row[place].reshape(shape).astype(dtype) if shape else dtype.type(row[place.start])
            for place, (shape, dtype) in zip(self.places, self.leaves, strict=True)
        ]
        return jax.tree.unflatten(self.structure, arrays)

    def unpacked(self, row: Float[Array, " size"]) -> Any:
        """Read the tree from a row (size,) in compiled code."""
        arrays = [
            row[place].reshape(shape).astype(dtype)
            for place, (shape, dtype) in zip(self.places, self.leaves, strict=True)
        ]
        return jax.tree.unflatten(self.structure, arrays)


def packed(tree: Any) -> Float[Array, " size"]:
    """Write the arrays of a tree into a row (size,) in compiled code."""
    return jnp.concatenate([jnp.ravel(leaf).astype(float) for leaf in jax.tree.leaves(tree)])
