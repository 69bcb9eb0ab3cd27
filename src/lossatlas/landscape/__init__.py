"""Landscapes: a smooth scalar function of a flat weight vector, and its symmetry.

`Surface` is the compiled half (energy, gradient, Hessian), `Landscape` the whole: the surface plus
what identifies a point up to symmetry. Networks are `NetworkLandscape`, models of other
libraries `ModelLandscape`, any other smooth JAX function is a `FunctionLandscape`.
"""

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
]
