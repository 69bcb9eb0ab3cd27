"""scikit-learn's bundled sets."""

import numpy as np
import pytest

from lossatlas.data import SKLEARN_NAMES, sklearn_dataset
from lossatlas.errors import BadInputError


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("digits", (1797, 64), 10),
        ("iris", (150, 4), 3),
        ("wine", (178, 13), 3),
        ("breast_cancer", (569, 30), 2),
    ],
)
def test_shapes(name, shape, classes):
    data = sklearn_dataset(name)
    assert data.inputs.shape == shape
    assert len(data.classes) == classes
    assert set(data.labels.tolist()) == set(range(classes))
    assert len(set(data.features)) == shape[1]


def test_digits_are_images_of_their_labels():
    data = sklearn_dataset("digits")
    assert data.classes == tuple("0123456789")
    assert data.labels[:10].tolist() == list(range(10))
    # A written zero is dark in its middle, a one is not.
    middle = data.inputs.reshape(-1, 8, 8)[:, 3:5, 3:5].mean(axis=(1, 2))
    means = [np.mean(middle[data.labels == digit]) for digit in (0, 1)]
    assert means[0] < 2 < 10 < means[1]


def test_unknown_name_lists_the_known():
    with pytest.raises(BadInputError) as caught:
        sklearn_dataset("mnist")
    assert all(name in str(caught.value) for name in SKLEARN_NAMES)
