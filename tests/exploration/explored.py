"""A landscape of hundreds of minima that is explored within seconds, for tests of planning."""

import jax.numpy as jnp

from lossatlas.atlas import Atlas, Problem
from lossatlas.exploration import ExploreOptions, grow
from lossatlas.landscape import FunctionLandscape


def rough(w):
    """Many minima, of which few are connected at first."""
    x, y = w
    waves = jnp.sin(3.1 * x + 0.4) * jnp.cos(2.7 * y - 0.2) + 0.6 * jnp.sin(1.3 * x * y)
    return 0.08 * (x**2 + y**2) + waves + 0.1 * x


def rough_landscape():
    return FunctionLandscape(rough, [-9, -9], [9, 9], "rough", length_scale=0.6)


def explore(landscape, path, **options):
    """Explore, with one seed unless another is given."""
    with Atlas.open_or_create(path, Problem(landscape.fingerprint())) as atlas:
        return grow(landscape, atlas, ExploreOptions(**{"seed": 3, **options}))
