"""The contract of landscapes: ours keep it, and each way to break it is noticed."""

import copy
import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from lossatlas.errors import BadInputError
from lossatlas.landscape import FunctionLandscape, NetworkLandscape
from lossatlas.landscape.function_surface import FunctionSurface
from lossatlas.testing import check_landscape, mueller_brown, six_hump_camel

INVERSION = np.array([np.eye(2), -np.eye(2)])
RANDOM = np.random.default_rng(0)
INPUTS, LABELS = RANDOM.normal(size=(30, 3)), np.arange(30) % 3


def network(hidden, **options):
    return NetworkLandscape(INPUTS, LABELS, hidden, 1e-2, **options)


def torus(w):
    return jnp.cos(w[0]) + 0.5 * jnp.cos(2 * w[1]) + 0.1 * jnp.cos(w[0] + w[1])


def mixed(w):
    """Periodic in the first coordinate only, and the same when the last two change places."""
    return jnp.cos(w[0]) + (w[1] ** 2 - 1) ** 2 + (w[2] ** 2 - 1) ** 2 + 0.1 * w[1] * w[2]


EXCHANGE = np.array([np.eye(3), np.eye(3)[[0, 2, 1]]])
LANDSCAPES = {
    "one layer": lambda: network((3,)),
    "two layers with a mask": lambda: network((3, 2), neighbors=1),
    "free biases": lambda: network((3,), regularize_biases=False),
    "plain function": lambda: FunctionLandscape(mueller_brown, [-1.5, -0.5], [1.2, 2], "plain"),
    "symmetry": lambda: FunctionLandscape(
        six_hump_camel, [-2, -1], [2, 1], "camel", symmetry=INVERSION
    ),
    "periods": lambda: FunctionLandscape(
        torus, [0, 0], [6, 6], "torus", period=[2 * np.pi, 2 * np.pi], symmetry=INVERSION
    ),
    "one period": lambda: FunctionLandscape(
        mixed, [0, -2, -2], [6, 2, 2], "mixed", period=[2 * np.pi, None, None], symmetry=EXCHANGE
    ),
}
made = {}


def ours(name):
    """Each is made once, so that each is compiled once."""
    if name not in made:
        made[name] = LANDSCAPES[name]()
    return made[name]


@pytest.mark.parametrize("name", LANDSCAPES)
def test_ours_keep_the_contract(name):
    for seed in (0, 1):
        check_landscape(ours(name), seed)


def changed(name="symmetry", **attributes):
    landscape = copy.copy(ours(name))
    landscape.__dict__.update(attributes)
    return landscape


class Steep(FunctionSurface):
    def value_and_gradient(self, w):
        value, slope = FunctionSurface.value_and_gradient(self, w)
        return value, 1.001 * slope


class Shifted(FunctionSurface):
    def value_and_gradient(self, w):
        value, slope = FunctionSurface.value_and_gradient(self, w)
        return value + 1.0, slope


class Bent(FunctionSurface):
    def hessian(self, w):
        return FunctionSurface.hessian(self, w) + 0.1 * jnp.eye(2)


class Lopsided(FunctionSurface):
    def hessian(self, w):
        return FunctionSurface.hessian(self, w) + 0.1 * jnp.eye(2, k=1)


class Stretched(FunctionSurface):
    def hessian_vector_product(self, w, v):
        return 1.001 * FunctionSurface.hessian_vector_product(self, w, v)


class Single(FunctionSurface):
    def energy(self, w):
        return FunctionSurface.energy(self, w).astype(jnp.float32)


class Coarse(FunctionSurface):
    def rough(self):
        return Raised(self.function)


class Raised(FunctionSurface):
    def energy(self, w):
        return FunctionSurface.energy(self, w) + 1.0


class Turned(FunctionSurface):
    def from_inner(self, x):
        return 2.0 * x


def surface(kind):
    return {"surface": kind(ours("symmetry").surface.function)}


number = itertools.count()
unseeded = np.random.default_rng()
BROKEN = {
    "the dimension is no number": ("numbers", {"n_weights": 2.0}),
    "no length": ("numbers", {"length_scale": 0.0}),
    "a negative zero": ("numbers", {"zero_tolerance": -1.0}),
    "starts outside": ("random_start", {"random_start": lambda r: r.uniform(3, 4, 2)}),
    "starts by chance": ("random_start", {"random_start": lambda r: unseeded.uniform(-1, 1, 2)}),
    "single starts": (
        "random_start",
        {"random_start": lambda r: r.uniform(-1, 1, 2).astype(np.float32)},
    ),
    "single precision": ("float64", surface(Single)),
    "a gradient too long": ("gradient", surface(Steep)),
    "another value": ("gradient", surface(Shifted)),
    "another Hessian": ("hessian", surface(Bent)),
    "a Hessian without symmetry": ("hessian", surface(Lopsided)),
    "another product": ("hessian_vector_product", surface(Stretched)),
    "stretched coordinates": ("excluded_modes", surface(Turned)),
    "another rough function": ("rough", surface(Coarse)),
    "itself as its neighbor": ("neighbor_copies", {"neighbor_copies": lambda w: [w.copy()]}),
    "neighbors that are none": ("neighbor_copies", {"neighbor_copies": lambda w: [w + 0.1]}),
    "invariants that vary": ("invariants", {"invariants": lambda w: w}),
    "blind invariants": ("invariants", {"invariants": lambda w: np.abs(w[:1])}),
    "equal invariants": ("invariants", {"invariants": lambda w: np.ones(2)}),
    "descriptors that vary": ("descriptors", {"descriptors": lambda w: w}),
    "equal descriptors": ("descriptors", {"descriptors": lambda w: np.ones((len(w), 2))}),
    "no nearest copy": ("nearest_copy", {"nearest_copy": lambda w, target: w}),
    "the target": ("nearest_copy", {"nearest_copy": lambda w, target: target}),
    "the farthest copy": (
        "nearest_copy",
        {"nearest_copy": lambda w, t: max(w, -w, key=lambda x: np.linalg.norm(x - t))},
    ),
    "orbits of one": ("orbit_size", {"orbit_size": lambda w: 1}),
    "orbits of two": ("orbit_size", {"orbit_size": lambda w: 2}),
    "no symmetrizer": ("symmetrizer", {"symmetrizer": lambda w: np.eye(2)}),
    "a symmetrizer that moves": ("symmetrizer", {"symmetrizer": lambda w: np.diag([1.0, 0.0])}),
    "no projector": ("symmetrizer", {"symmetrizer": lambda w: 0.5 * np.eye(2)}),
    "long directions": ("breaking_directions", {"breaking_directions": lambda w, m: 2 * m}),
    "another copy is stored": ("representative", {"representative": lambda w: w + 0.1}),
    "back and forth": ("representative", {"representative": lambda w: -w}),
    "inside by half": ("representative", {"inside": lambda w: w[:, 0] > 0}),
    "no identity": ("fingerprint", {"fingerprint": lambda: {}}),
    "no texts": ("fingerprint", {"fingerprint": lambda: {"box": 3}}),
    "a new identity": ("fingerprint", {"fingerprint": lambda: {"box": str(next(number))}}),
    "a method is missing": ("descriptors", {"descriptors": None}),
    "an error": ("orbit_size", {"orbit_size": lambda w: w["a"]}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_contract_is_noticed(name):
    rule, attributes = BROKEN[name]
    # Functions of this test cannot be pickled.
    without = ["pickle"] if rule != "fingerprint" else ["pickle", "rough"]
    with pytest.raises(AssertionError, match=r"landscape \w+ breaks \d+ of \d+ rules:\n") as found:
        check_landscape(changed(**attributes), without=without)
    assert f"\n  {rule}: " in str(found.value)


def test_a_network_with_other_excluded_curvatures_is_noticed():
    landscape = ours("one layer")
    wrong = changed("one layer", excluded_curvatures=2.0 * landscape.excluded_curvatures)
    with pytest.raises(AssertionError, match="breaks 1 of 18 rules:\n  excluded_modes: the Hess"):
        check_landscape(wrong)


def test_a_network_with_one_orbit_size_for_all_is_noticed():
    """Of a middle of two equal units there are fewer copies than of other points."""
    whole = ours("one layer").group_order
    with pytest.raises(AssertionError, match=f"breaks 1 of 17 rules:\n  orbit_size: is {whole} at"):
        check_landscape(changed("one layer", orbit_size=lambda w: whole), without=["pickle"])


def test_a_lambda_cannot_be_pickled():
    landscape = FunctionLandscape(lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2, [-2, -2], [2, 2])
    with pytest.raises(AssertionError, match=r"breaks 1 of 18 rules:\n  pickle: it raises"):
        check_landscape(landscape)
    check_landscape(landscape, without=["pickle"])


def test_without_a_finite_start_nothing_can_be_tried():
    landscape = changed(random_start=lambda r: np.full(2, np.nan))
    with pytest.raises(AssertionError, match="E is not finite at any of 20 starts"):
        check_landscape(landscape)


def test_rules_left_out_must_exist():
    with pytest.raises(BadInputError, match=r"there is no rule 'speed'; use some of numbers"):
        check_landscape(ours("symmetry"), without=["speed"])
