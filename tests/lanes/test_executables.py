"""Code compiled ahead: the same results, compiled once for each shape, static argument and type."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lossatlas.lanes.executables import UNTRIED, executable

traced = []


@jax.jit
def double(x):
    traced.append(x.shape)
    return 2 * x


def test_code_is_compiled_once_for_each_shape():
    traced.clear()
    shape = jax.ShapeDtypeStruct((3,), np.float64)
    codes = [executable(double, x) for x in (shape, np.ones(3), np.zeros((2, 2)), np.ones(3))]
    found = codes[1].result(60)(np.arange(3.0))
    np.testing.assert_array_equal(found, [0.0, 2.0, 4.0])
    assert found.dtype == np.float64
    assert codes[2].result(60)(np.ones((2, 2))).shape == (2, 2)
    assert codes[0] is codes[1] is codes[3]
    assert sorted(traced) == [(2, 2), (3,)]


def test_static_arguments_make_code_of_their_own():
    power = jax.jit(lambda x, *, by: x**by, static_argnames="by")
    square, cube = (executable(power, np.ones(1), by=by).result(60) for by in (2, 3))
    assert (square(np.array([2.0])).item(), cube(np.array([2.0])).item()) == (4.0, 8.0)


def test_what_cannot_be_compiled_is_raised_where_it_is_used():
    wrong = jax.jit(lambda x: jnp.ones(2) + x)
    with pytest.raises(TypeError, match="shapes"):
        executable(wrong, np.ones(3)).result(60)


def test_what_could_not_be_compiled_is_tried_again():
    tried = []

    @jax.jit
    def sometimes(x):
        tried.append(x.shape)
        if len(tried) == 1:
            raise MemoryError
        return x

    with pytest.raises(MemoryError):
        executable(sometimes, np.ones(2)).result(60)
    assert executable(sometimes, np.ones(2)).result(60)(np.ones(2)).tolist() == [1.0, 1.0]


class Compiled:
    """A function whose compilations are noted, of which those with trials may fail."""

    def __init__(self, fails=False):
        self.asked, self.fails = [], fails

    def lower(self, *shapes):
        return self

    def as_text(self):
        return ""

    def compile(self, options=None):
        self.asked.append(options)
        if self.fails and options is None:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
        return self


@pytest.mark.parametrize(
    ("platform", "tried", "fails", "asked"),
    [
        ("cpu", False, False, [None]),
        ("gpu", False, False, [UNTRIED]),
        ("gpu", True, False, [None]),
        ("gpu", True, True, [None, UNTRIED]),
    ],
)
def test_ways_of_multiplying_are_tried_where_asked_for(monkeypatch, platform, tried, fails, asked):
    monkeypatch.setattr(jax, "default_backend", lambda: platform)
    function = Compiled(fails)
    assert executable(function, np.ones(2), tried=tried).result(60) is function
    assert function.asked == asked
