"""Array aliases: what the shapes mean, in one place.

``n`` is the number of free weights of a landscape. Inside compiled code arrays are JAX float64;
at the boundary of every public function they are NumPy float64.
"""

from typing import TypeAlias

import numpy as np
from jax import Array as JaxArray
from jaxtyping import Float, Int

Scalar: TypeAlias = Float[JaxArray, ""]
Weights: TypeAlias = Float[JaxArray, " n"]
Matrix: TypeAlias = Float[JaxArray, "n n"]

WeightsArray: TypeAlias = Float[np.ndarray, " n"]
WeightsBatch: TypeAlias = Float[np.ndarray, "b n"]
Labels: TypeAlias = Int[np.ndarray, " items"]
