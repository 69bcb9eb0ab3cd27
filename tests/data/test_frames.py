"""Tables of pandas as labelled data."""

import numpy as np
import pytest

from lossatlas.data.frames import data_from, data_from_frame
from lossatlas.errors import BadInputError

pandas = pytest.importorskip("pandas")
ROWS = np.array([[1.0, 5.0, 0.0], [2.0, 4.0, 1.0], [3.0, 7.0, 1.0]])


@pytest.mark.parametrize("names", [["a", "a", "label"], [1, "1", "label"], ["a", "label", "label"]])
@pytest.mark.parametrize("numbers", [True, False])
def test_columns_of_one_name_are_refused(names, numbers):
    frame = pandas.DataFrame(ROWS, columns=names)
    with pytest.raises(BadInputError, match="several columns have the name"):
        data_from(frame, numbers=numbers)


@pytest.mark.parametrize("labels", [["a", 1, 1], [True, 0, 1], [b"a", "a", "b"]])
def test_labels_of_several_kinds_are_refused(labels):
    frame = pandas.DataFrame({"a": ROWS[:, 0], "label": pandas.Series(labels, dtype=object)})
    with pytest.raises(BadInputError, match="several kinds") as caught:
        data_from(frame)
    assert caught.value.where == "data: column 'label'"


def test_a_target_keeps_its_name():
    frame = pandas.DataFrame(ROWS, columns=["a", "price", "b"])
    data = data_from_frame(frame, "houses", label="price", numbers=True)
    assert (data.features, data.target_names) == (("a", "b"), ("price",))
    np.testing.assert_array_equal(data.targets, ROWS[:, [1]])
    np.testing.assert_array_equal(data.inputs, ROWS[:, [0, 2]])
