"""Landscapes: smooth scalar functions of a flat weight vector, with their symmetry.

A `Surface` is the compiled half of a landscape: energy, gradient and Hessian. A `Landscape` is the
surface together with its symmetry, by which points are identified. `NetworkLandscape` is for
networks that lossatlas builds, `ModelLandscape` for models of other libraries, and
`FunctionLandscape` for any other smooth JAX function. `compiled` compiles functions of a surface in
full precision.
"""

from lossatlas.compiled import compiled
from lossatlas.landscape.base import Landscape, Surface
from lossatlas.landscape.function_landscape import FunctionLandscape
from lossatlas.landscape.function_surface import FunctionSurface
from lossatlas.landscape.model_landscape import ModelLandscape
from lossatlas.landscape.network_landscape import NetworkLandscape
from lossatlas.landscape.unit_symmetry import UnitSymmetry

__all__ = [
    "FunctionLandscape",
    "FunctionSurface",
    "Landscape",
    "ModelLandscape",
    "NetworkLandscape",
    "Surface",
    "UnitSymmetry",
    "compiled",
]
