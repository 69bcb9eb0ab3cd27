"""The checks of a data set, its labels and its checksum."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, strategies as st

from lossatlas.data import Dataset, dataset_from_arrays
from lossatlas.errors import BadInputError

INPUTS = np.arange(12.0).reshape(6, 2)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def refusal(inputs=INPUTS, labels=LABELS, features=()):
    with pytest.raises(BadInputError) as caught:
        dataset_from_arrays(inputs, labels, "data.npz", features)
    return str(caught.value)


def test_arrays_are_copied_and_read_only():
    inputs = INPUTS.copy()
    data = dataset_from_arrays(inputs, LABELS, "tiny")
    inputs[0] = 99.0
    assert data.inputs[0, 0] == 0.0
    assert (data.inputs.dtype, data.labels.dtype) == (np.float64, np.int64)
    with pytest.raises(ValueError, match="read-only"):
        data.inputs[0, 0] = 1.0
    assert data.features == ("x1", "x2")
    assert data.classes == ("0", "1", "2")


@pytest.mark.parametrize(("value", "text"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_not_finite_inputs_name_row_and_column(value, text):
    inputs = INPUTS.copy()
    inputs[3, 1] = value
    message = refusal(inputs, features=("r12", "r13"))
    assert "data.npz: inputs, row 3" in message
    assert "column 'r13'" in message
    assert f"the value is {text}" in message


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ([0, 0, 0, 0, 0, 0], "only one class ('0')"),
        (["a"] * 6, "only one class ('a')"),
        ([0.0, 1.5, 1, 0, 1, 0], "row 1 (counting from 0): 1.5 is not a whole number"),
        ([0.0, np.nan, 1, 0, 1, 0], "nan is not a whole number"),
        ([0, 1, 0], "shape (3,) does not fit 6 rows"),
        (np.zeros((6, 1), int), "only one class"),
        (np.eye(6, dtype=int)[:, :2], "shape (6, 2) does not fit 6 rows"),
        (np.array([0, 1, None] * 2, dtype=object), "neither whole numbers nor texts"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, text):
    assert text in refusal(labels=labels)


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        (np.zeros((0, 2)), "there are 0 rows"),
        (np.zeros((6, 0)), "0 columns"),
        (np.zeros(6), "reshape"),
        (np.zeros((6, 2, 2)), "reshape"),
        (np.full((6, 2), "a"), "not real numbers"),
        (np.zeros((6, 2), complex), "not real numbers"),
    ],
)
def test_inputs_of_another_shape_or_kind_are_refused(inputs, text):
    labels = LABELS if len(inputs) else np.array([], int)
    if len(inputs):
        assert text in refusal(inputs, labels)
    else:
        assert "there are none" in refusal(inputs, labels)
        with pytest.raises(BadInputError, match=text):
            Dataset(inputs, labels, ("a", "b"), "empty", ("x", "y"))


def test_feature_names_must_fit():
    assert "1 names for 2 columns" in refusal(features=("a",))


def test_whole_floats_and_booleans_are_labels():
    assert dataset_from_arrays(INPUTS, LABELS * 1.0, "tiny").labels.tolist() == LABELS.tolist()
    assert dataset_from_arrays(INPUTS, LABELS > 0, "tiny").classes == ("0", "1")


@pytest.mark.parametrize("column", [LABELS[:, None], np.array(["a", "b", "c"])[LABELS][:, None]])
def test_labels_may_stand_in_one_column(column):
    assert dataset_from_arrays(INPUTS, column, "tiny").labels.tolist() == LABELS.tolist()


def test_one_column_for_each_class_is_refused_with_what_makes_it_labels():
    columns = np.eye(3)[LABELS]
    assert "labels.argmax(axis=1)" in refusal(labels=columns)
    data = dataset_from_arrays(INPUTS, columns.argmax(axis=1), "tiny")
    assert data.labels.tolist() == LABELS.tolist()


def test_a_record_refuses_what_it_cannot_hold():
    with pytest.raises(BadInputError, match=r"row 2 .*2 is none of the classes 0..1"):
        Dataset(INPUTS, LABELS, ("a", "b"), "tiny", ("x", "y"))
    with pytest.raises(BadInputError, match=r"0\.5 is not a whole number"):
        Dataset(INPUTS, LABELS * 0.5, ("a", "b", "c"), "tiny", ("x", "y"))


@given(st.lists(st.text(min_size=1, max_size=4).map(lambda t: t + "."), min_size=2))
def test_texts_are_numbered_in_sorted_order_and_can_be_mapped_back(texts):
    texts = [*texts, "a", "b"]
    data = dataset_from_arrays(np.zeros((len(texts), 1)), np.array(texts), "tiny")
    assert list(data.classes) == sorted(set(texts))
    assert [data.classes[label] for label in data.labels] == texts


def test_checksum_is_of_the_content():
    data = dataset_from_arrays(INPUTS, LABELS, "tiny")
    expected = hashlib.sha256(repr(((6, 2), ("0", "1", "2"))).encode())
    expected.update(INPUTS.astype("<f8").tobytes() + LABELS.astype("<i8").tobytes())
    assert data.checksum == expected.hexdigest()
    assert dataset_from_arrays(INPUTS, LABELS, "other", ("a", "b")).checksum == data.checksum
    assert dataset_from_arrays(np.asfortranarray(INPUTS), LABELS, "f").checksum == data.checksum
    changed = INPUTS.copy()
    changed[5, 1] = np.nextafter(changed[5, 1], 99)
    assert dataset_from_arrays(changed, LABELS, "tiny").checksum != data.checksum
    assert dataset_from_arrays(INPUTS, LABELS[::-1], "tiny").checksum != data.checksum
    texts = np.array(["a", "b", "c"])[LABELS]
    assert dataset_from_arrays(INPUTS, texts, "tiny").checksum != data.checksum


def test_a_subset_keeps_the_classes():
    data = dataset_from_arrays(INPUTS, LABELS, "tiny").subset(np.array([5, 0]))
    assert data.inputs.tolist() == INPUTS[[5, 0]].tolist()
    assert data.labels.tolist() == [2, 0]
    assert len(data.classes) == 3
