"""Files: what is read, and what is refused with which words."""

import numpy as np
import pytest

from lossatlas.data import read_table
from lossatlas.errors import BadInputError

INPUTS = np.array([[1.0, 2.0], [3.0, -4.5e-3], [5.0, 6.0]])


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding=encoding)
    return path


def refusal(path):
    with pytest.raises(BadInputError) as caught:
        read_table(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_npz(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, inputs=INPUTS, labels=np.array([1, 0, 1]), more=np.zeros(2))
    data = read_table(str(path))
    assert np.array_equal(data.inputs, INPUTS)
    assert data.labels.tolist() == [1, 0, 1]
    assert data.name == str(path)


def test_reference_npz(shared):
    data = read_table(shared / "peer" / "d2" / "data.npz")
    rows = [line.split() for line in (shared / "peer/d2/MLPdata").read_text().splitlines()]
    assert data.inputs.shape == (2000, 2)
    assert data.labels[:1000].tolist() == [int(row[0]) for row in rows]
    np.testing.assert_allclose(data.inputs[:1000], [[*map(float, row[1:])] for row in rows])


def test_csv_with_a_label_column_anywhere(tmp_path):
    data = read_table(written(tmp_path, "a,label,b\n1,1,2\n\n3, 0,-4.5e-3\n5,1,6\n"))
    assert np.array_equal(data.inputs, INPUTS)
    assert data.labels.tolist() == [1, 0, 1]
    assert data.features == ("a", "b")


def test_csv_last_column_texts_quotes_and_byte_order_mark(tmp_path):
    text = 'a,"b, c",kind\n1,2,"x, y"\n3,-4.5e-3,a\n5,6,"x, y"\n'
    data = read_table(written(tmp_path, text, encoding="utf-8-sig"))
    assert np.array_equal(data.inputs, INPUTS)
    assert data.classes == ("a", "x, y")
    assert data.labels.tolist() == [1, 0, 1]
    assert data.features == ("a", "b, c")


def test_csv_and_npz_of_the_same_numbers_have_one_checksum(tmp_path):
    inputs = np.random.default_rng(1).normal(size=(30, 3))
    labels = np.arange(30) % 3
    np.savez(tmp_path / "a.npz", inputs=inputs, labels=labels)
    table = np.column_stack([inputs, labels]).tolist()
    lines = [",".join(map(repr, row)) for row in table]
    path = written(tmp_path, "\n".join(["x1,x2,x3,label", *lines]))
    assert read_table(path).checksum == read_table(tmp_path / "a.npz").checksum


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "line 1: 0 columns"),
        ("a;b;label\n1;2;0\n", "line 1: 1 columns"),
        ("1,2,0\n1,2,1\n", "line 1: it holds numbers, not column names"),
        ("a,a,label\n1,2,0\n", "repeated or empty column names: a"),
        ("a,,label\n1,2,0\n", "column names: empty"),
        ("a,label\n", "no rows below the header"),
        ("a,label\n1,0\nx,1\n", "line 3, column 'a': 'x' is not a finite number"),
        ("a,label\n1,0\n\n,1\n", "line 4, column 'a': '' is not a finite number"),
        ("label,a\n1,0\n0,nan\n", "line 3, column 'a': 'nan' is not a finite number"),
        ("a,b,label\n1,2,0\n1,inf,1\n", "line 3, column 'b': 'inf'"),
        ("a,label\n1,0\n2\n", "line 3: 1 cells, the header has 2"),
        ("a,label\n1,0\n2,1,3\n", "line 3: 3 cells, the header has 2"),
        ("a,label\n1,0\n2,\n", "line 3, column 'label': no label"),
        ("a,label\n1,0\n2,0\n", "only one class"),
        ("a,label\n1,1\n2,2\n", "the values 1, 2 are not 0..1"),
        ("a,label\n1,0.5\n2,1\n", "0.5 is not a whole number"),
        ('a,label\n1,"0\n2,1\n', "not a table"),
    ],
)
def test_csv_refusals(tmp_path, text, expected):
    assert expected in refusal(written(tmp_path, text))


def test_csv_of_another_encoding(tmp_path):
    assert "not UTF-8" in refusal(written(tmp_path, "a,label\n1,\xe9\n2,b\n", "latin-1"))


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"inputs": INPUTS}, "labels: no such array; the file holds inputs"),
        ({"x": INPUTS, "y": [0, 1, 0]}, "inputs: no such array; the file holds x, y"),
        (
            {"inputs": np.array([[1, None]] * 3), "labels": [0, 1, 0]},
            "inputs: the array cannot be read (Object arrays",
        ),
        ({"inputs": INPUTS, "labels": np.array(["a", None, "b"])}, "labels: the array cannot"),
        ({"inputs": INPUTS * np.nan, "labels": [0, 1, 0]}, "row 0 (counting from 0), column 'x1'"),
        ({"inputs": INPUTS, "labels": [0, 1]}, "labels: shape (2,) does not fit 3 rows"),
    ],
)
def test_npz_refusals(tmp_path, arrays, expected):
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    assert expected in refusal(path)


def test_damaged_and_foreign_archives(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, inputs=INPUTS, labels=[0, 1, 0])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "not a complete NumPy archive" in refusal(path)
    path.write_bytes(b"")
    assert "not a complete NumPy archive" in refusal(path)
    middle = whole.index(b"{'descr'")
    path.write_bytes(whole[:middle] + b"xxxx" + whole[middle + 4 :])
    assert "inputs: the array cannot be read" in refusal(path)
    path.write_text("hello")
    assert "not a complete NumPy archive" in refusal(path)
    with path.open("wb") as stream:
        np.save(stream, INPUTS)
    assert "not a complete NumPy archive" in refusal(path)


def test_files_that_are_none(tmp_path):
    assert "no such file" in refusal(tmp_path / "missing.npz")
    assert "unknown kind of file '.txt'" in refusal(tmp_path / "data.txt")
    (tmp_path / "folder.csv").mkdir()
    assert "is not a file" in refusal(tmp_path / "folder.csv")
