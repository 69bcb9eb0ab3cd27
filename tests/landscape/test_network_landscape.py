"""What a network landscape refuses, how it is told from others, what it is made of."""

import numpy as np
import pytest
from reference_networks import small_data, small_landscape

from lossatlas.errors import BadInputError
from lossatlas.landscape import Landscape, NetworkLandscape, Surface
from lossatlas.landscape.network_targets import encoded

INPUTS, LABELS = small_data()


def with_nan(inputs, value):
    inputs = inputs.copy()
    inputs[3, 1] = value
    return inputs


@pytest.mark.parametrize(
    ("changes", "where", "problem"),
    [
        ({"hidden": ()}, "hidden", "convex"),
        ({"hidden": (0,)}, "hidden", "numbers of units"),
        ({"hidden": (3, -1)}, "hidden", "numbers of units"),
        ({"l2": 0.0}, "l2", "not positive"),
        ({"l2": -1e-4}, "l2", "not positive"),
        ({"l2": np.nan}, "l2", "not positive"),
        ({"l2": np.inf}, "l2", "not positive"),
        ({"inputs": with_nan(INPUTS, np.nan)}, "training data", "finite"),
        ({"inputs": with_nan(INPUTS, -np.inf)}, "training data", "finite"),
        ({"inputs": INPUTS[:, 0]}, "training data", "shapes"),
        ({"inputs": INPUTS[:-1]}, "training data", "shapes"),
        ({"labels": np.stack([LABELS, LABELS], axis=1)}, "training data", "shapes"),
        ({"labels": np.zeros_like(LABELS)}, "training data", "one class"),
        ({"labels": np.full_like(LABELS, 2)}, "training data", "one class"),
        ({"labels": LABELS - 1}, "training data", "out of range"),
        ({"classes": 2}, "training data", "out of range"),
        ({"hidden": 4}, "hidden", "4 is not a list of numbers of units"),
        ({"hidden": "4"}, "hidden", "'4' is not a list"),
        ({"hidden": None}, "hidden", "None is not a list"),
        ({"hidden": {3, 4}}, "hidden", "is not a list"),
        ({"hidden": (h for h in (3,))}, "hidden", "is not a list"),
        ({"hidden": np.array(3)}, "hidden", "is not a list"),
        ({"hidden": ("a",)}, "hidden", "numbers of units"),
        ({"hidden": (None, [3])}, "hidden", "numbers of units"),
        ({"hidden": (True,)}, "hidden", "numbers of units"),
        ({"hidden": (np.nan,)}, "hidden", "numbers of units"),
        ({"hidden": (np.inf,)}, "hidden", "numbers of units"),
        ({"l2": None}, "l2", "None is not positive"),
        ({"l2": "a"}, "l2", "'a' is not positive"),
        ({"l2": "0.1"}, "l2", "'0.1' is not positive"),
        ({"l2": 1j}, "l2", "not positive"),
        ({"l2": [0.1, 0.2]}, "l2", "not positive"),
        ({"classes": "a"}, "classes", "'a' is not a number of classes"),
        ({"classes": 0}, "classes", "0 is not a number of classes"),
        ({"classes": 2.5}, "classes", "2.5 is not a number of classes"),
        ({"classes": 10**9}, "training data", "1000000000 classes for"),
        ({"labels": LABELS * 10**8}, "training data", "classes for .* the largest label is"),
        ({"labels": LABELS.astype(np.uint64) * 2**62}, "training data", "classes for .* items"),
        ({"labels": LABELS.astype("m8[s]")}, "training data", "timedelta64.*not integers"),
        ({"labels": LABELS.astype("M8[s]")}, "training data", "datetime64.*not integers"),
        ({"labels": np.where(LABELS == 0, np.nan, LABELS)}, "training data", "labels are missing"),
        ({"neighbors": "a"}, "neighbors", "not a number of nodes"),
        ({"neighbors": None}, "neighbors", "not a number of nodes"),
        ({"neighbors": np.inf}, "neighbors", "not a number of nodes"),
        ({"neighbors": 1, "ties": "middle"}, "ties", "unknown"),
    ],
)
def test_bad_input_is_refused_with_its_name(changes, where, problem):
    arguments = {"inputs": INPUTS, "labels": LABELS, "hidden": (3,), "l2": 1e-2} | changes
    with pytest.raises(BadInputError, match=problem) as caught:
        NetworkLandscape(**arguments)
    assert where in caught.value.where
    assert caught.value.remedy


@pytest.mark.parametrize(
    "changes",
    [
        {"neighbors": -1},
        {"labels": LABELS.astype(float)},
        {"hidden": (2.7,)},
        {"inputs": np.empty((0, 2)), "labels": np.empty(0, int)},
        {"inputs": INPUTS.astype(str).astype(object) + "x"},
    ],
    ids=str,
)
def test_other_bad_input_is_refused(changes):
    arguments = {"inputs": INPUTS, "labels": LABELS, "hidden": (3,), "l2": 1e-2} | changes
    with pytest.raises(BadInputError):
        NetworkLandscape(**arguments)


def test_whole_numbers_may_be_floats():
    arguments = {"classes": 3, "neighbors": 1, "hidden": (3,)}
    whole = NetworkLandscape(INPUTS, LABELS, l2=1e-2, **arguments)
    floats = {"classes": 3.0, "neighbors": 1.0, "hidden": np.array([3.0])}
    assert NetworkLandscape(INPUTS, LABELS, l2=1e-2, **floats).fingerprint() == whole.fingerprint()


@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_targets_have_a_one_for_the_class_of_each_item(dtype):
    expected = [[float(label == output) for label in LABELS] for output in range(4)]
    assert encoded(LABELS.astype(dtype), 4, "classes").tolist() == expected


def test_it_is_a_landscape_of_float64():
    landscape = small_landscape((3,))
    assert isinstance(landscape, Landscape)
    assert isinstance(landscape.surface, Surface)
    single = NetworkLandscape(INPUTS.astype(np.float32), LABELS.astype(np.int8), [3], 1)
    assert single.surface.inputs.dtype == single.surface.targets.dtype == np.float64
    assert single.surface.l2.dtype == np.float64


def test_fingerprint_changes_with_each_part_and_only_there():
    base = small_landscape((3,)).fingerprint()
    other_inputs = INPUTS.copy()
    other_inputs[5, 1] = np.nextafter(other_inputs[5, 1], np.inf)
    other_labels = LABELS.copy()
    other_labels[-1] = (other_labels[-1] + 1) % 3
    arguments = {"inputs": INPUTS, "labels": LABELS, "hidden": (3,), "l2": 1e-2}
    changed = {
        "inputs": ({"inputs": other_inputs}, {"training data"}),
        "labels": ({"labels": other_labels}, {"training data"}),
        "order": ({"inputs": INPUTS[::-1], "labels": LABELS[::-1]}, {"training data"}),
        "fewer": ({"inputs": INPUTS[:-1], "labels": LABELS[:-1]}, {"training data"}),
        "hidden": ({"hidden": (4,)}, {"network"}),
        "depth": ({"hidden": (3, 3)}, {"network"}),
        "classes": ({"classes": 4}, {"network"}),
        "mask": ({"neighbors": 1}, {"mask"}),
        "biases": ({"regularize_biases": False}, {"loss"}),
        "l2": ({"l2": np.nextafter(1e-2, 1)}, {"l2"}),
    }
    seen = [base]
    for options, parts in changed.values():
        other = NetworkLandscape(**(arguments | options)).fingerprint()
        assert {part for part in base if base[part] != other[part]} == parts
        seen.append(other)
    assert len({tuple(f.items()) for f in seen}) == len(seen)
    assert NetworkLandscape(INPUTS, LABELS, [3], 1e-2).fingerprint() == base
    again = NetworkLandscape(INPUTS, LABELS.astype(np.int32), (3,), 1e-2, classes=3)
    assert again.fingerprint() == base


def test_fingerprint_tells_masks_apart():
    prints = {
        str(small_landscape((5,), classes=4, neighbors=n, ties=ties).fingerprint()["mask"])
        for n, ties in [(0, "lowest"), (1, "lowest"), (2, "lowest"), (3, "lowest"), (3, "highest")]
    }
    assert len(prints) == 5


def test_random_starts_are_deterministic_bounded_and_without_shift():
    landscape = small_landscape((4, 3))
    starts = [landscape.random_start(np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(starts[0], starts[1])
    assert np.abs(starts[0] - starts[2]).max() > 0.1
    assert np.abs(landscape.excluded_modes @ starts[0]).max() < 1e-14
    many = np.stack([landscape.random_start(np.random.default_rng(s)) for s in range(200)])
    assert np.abs(many).max() < 10
    assert many[:, 0].std() == pytest.approx(10 / np.sqrt(12), rel=0.2)


def test_invariants_tell_near_points_apart_and_order_does_not_matter():
    landscape = small_landscape((3,))
    w = np.random.default_rng(0).normal(size=landscape.n_weights)
    before = landscape.invariants(w)
    assert before.ndim == 1
    assert np.isfinite(before).all()
    other = small_landscape((3,), l2=1e-3)
    np.testing.assert_array_equal(other.invariants(w), before)
    shifted = w + 1e-7 * np.random.default_rng(1).normal(size=len(w))
    assert np.abs(landscape.invariants(shifted) - before).max() > 1e-10
