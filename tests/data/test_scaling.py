"""Column scaling against formulas written out."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from lossatlas.data import Dataset, Split, apply_scaling, column_scaling, scale
from lossatlas.errors import BadInputError


def dataset(inputs):
    inputs = np.asarray(inputs, float)
    features = tuple(f"c{i}" for i in range(inputs.shape[1]))
    return Dataset(inputs, np.arange(len(inputs)) % 2, ("a", "b"), "made", features)


GENERATOR = np.random.default_rng(5)
TRAIN = dataset(GENERATOR.normal(2.0, 3.0, (50, 3)))
TEST = dataset(GENERATOR.normal(-2.0, 1.0, (20, 3)))


def test_statistics_are_those_of_the_training_rows():
    parts, _ = scale(Split(TRAIN, TEST), "mean-absolute")
    divisor = [sum(abs(value) for value in column) / 50 for column in TRAIN.inputs.T]
    np.testing.assert_allclose(parts.train.inputs, TRAIN.inputs / divisor, rtol=1e-14)
    np.testing.assert_allclose(parts.test.inputs, TEST.inputs / divisor, rtol=1e-14)
    np.testing.assert_array_equal(parts.test.labels, TEST.labels)


def test_standard_columns_have_mean_zero_and_unit_deviation():
    parts, scaling = scale(Split(TRAIN, TEST), "standard")
    np.testing.assert_allclose(parts.train.inputs.mean(axis=0), 0.0, atol=1e-14)
    np.testing.assert_allclose((parts.train.inputs**2).mean(axis=0), 1.0, rtol=1e-13)
    restored = parts.test.inputs * scaling.factor + scaling.shift
    np.testing.assert_allclose(restored, TEST.inputs, rtol=1e-13)


def test_none_changes_nothing():
    parts, _ = scale(Split(TRAIN, TEST), "none")
    assert parts.train.checksum == TRAIN.checksum
    assert parts.test.checksum == TEST.checksum


@pytest.mark.parametrize("method", ["mean-absolute", "standard"])
def test_a_zero_column_is_not_divided(method):
    scaling = column_scaling(dataset([[0.0, 1.0], [0.0, -3.0]]), method)
    assert scaling.shift[0] == 0.0
    assert scaling.factor[0] == 1.0


def test_a_constant_column_is_only_shifted():
    # The rounded mean of 49 times 0.1 is not 0.1.
    train = dataset(np.full((49, 1), 0.1))
    scaled = apply_scaling(train, column_scaling(train, "standard"))
    assert not scaled.inputs.any()


@given(
    arrays(float, (6, 2), elements=st.floats(-1e3, 1e3, allow_subnormal=False)),
    st.floats(1e-3, 1e3),
)
def test_mean_absolute_does_not_depend_on_units(inputs, unit):
    plain, other = dataset(inputs), dataset(inputs * unit)
    first = apply_scaling(plain, column_scaling(plain, "mean-absolute")).inputs
    second = apply_scaling(other, column_scaling(other, "mean-absolute")).inputs
    np.testing.assert_allclose(first, second, rtol=1e-12, atol=1e-290)


def test_misuse_is_refused():
    with pytest.raises(BadInputError, match="unknown method 'minmax'"):
        column_scaling(TRAIN, "minmax")  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="column 'c0': its values are too large"):
        column_scaling(dataset([[1e308], [1e308]]), "mean-absolute")
