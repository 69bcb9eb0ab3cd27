"""Files: what is read, what is refused with which words, and what is read with a warning."""

import gzip
import warnings
from pathlib import Path

import numpy as np
import pytest

from lossatlas.data import read_table
from lossatlas.errors import BadInputError, DataWarning

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
        ("a label\n", "no rows below the header"),
        ("alabel\n1\n", "line 1: 1 columns"),
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
    message = refusal(tmp_path / "data.xlsx")
    assert "unknown kind of file '.xlsx'" in message
    assert all(suffix in message for suffix in (".npz", ".csv", ".tsv", ".txt", ".gz"))
    assert "no such file" in refusal(tmp_path / "~nobody-of-this-name" / "a.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "is not a file" in refusal(tmp_path / "folder.csv")


ROWS = "a,b,kind\n1.5,2,x\n0.5,4,y\n3,1,x\n2,2,y\n"


@pytest.mark.parametrize("suffix", [".csv", ".CSV", ".tsv", ".tab", ".txt", ".dat", ".data"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " "])
def test_text_files_of_every_suffix_and_separator(tmp_path, suffix, separator):
    path, packed = tmp_path / f"table{suffix}", tmp_path / f"table{suffix}.gz"
    content = ROWS.replace(",", separator).encode()
    path.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    data = read_table(path)
    assert data.inputs.tolist() == [[1.5, 2], [0.5, 4], [3, 1], [2, 2]]
    assert (data.labels.tolist(), data.classes) == ([0, 1, 0, 1], ("x", "y"))
    assert read_table(packed).checksum == data.checksum
    packed.write_bytes(gzip.compress(content)[:-9])
    assert "not a complete gzip file" in refusal(packed)


def test_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    path = written(tmp_path, ROWS)
    for given in ("~/table.csv", Path("~") / "table.csv"):
        assert read_table(given).name == str(path)


@pytest.mark.parametrize(
    ("labels", "classes", "numbers"),
    [
        ([3, 1, 3], ("1", "3"), [1, 0, 1]),
        ([[1], [0], [1]], ("0", "1"), [1, 0, 1]),
        ([True, False, True], ("0", "1"), [1, 0, 1]),
        (np.array([1, -1, 1], np.int8), ("-1", "1"), [1, 0, 1]),
        (np.array([b"no", b"yes", b"no"]), ("no", "yes"), [0, 1, 0]),
        ([2.0, -1.0, 10.0], ("-1", "2", "10"), [1, 0, 2]),
    ],
)
def test_labels_of_archives(tmp_path, labels, classes, numbers):
    path = tmp_path / "data.npz"
    np.savez(path, inputs=INPUTS, labels=labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # three rows may be three classes
        data = read_table(path)
    assert (data.classes, data.labels.tolist()) == (classes, numbers)


@pytest.mark.parametrize("labels", [["a", "NaN", "b"], [b"a", b"?", b"b"], ["None", "b", "c"]])
def test_missing_labels_of_archives(tmp_path, labels):
    path = tmp_path / "data.npz"
    np.savez(path, inputs=INPUTS, labels=np.array(labels))
    assert "stands for a missing label (1 in all)" in refusal(path)
    np.savez(path, inputs=INPUTS, labels=[0, np.nan, 1])
    assert "row 1 (counting from 0): nan is not a whole number: the label is missing" in (
        refusal(path)
    )


@pytest.mark.parametrize("key", [{"label": "x1"}, {"drop": ["x1"]}, {"header": False}])
def test_archives_have_no_columns_to_choose(tmp_path, key):
    path = tmp_path / "data.npz"
    np.savez(path, inputs=INPUTS, labels=[0, 1, 0])
    with pytest.raises(BadInputError, match="no named columns") as caught:
        read_table(path, **key)
    assert caught.value.where == f"{path}: {next(iter(key))}"


def test_columns_to_drop_are_a_list(tmp_path):
    with pytest.raises(BadInputError, match=r"'a' is no list; write \['a'\]"):
        read_table(written(tmp_path, ROWS), drop="a")
    assert read_table(written(tmp_path, ROWS), drop=["a"]).features == ("b",)


def test_a_warning_names_the_file_once_and_the_line_that_reads_it(tmp_path):
    path = written(tmp_path, "Id,b,kind\n1,2,x\n2,4,y\n3,1,x\n4,2,y\n5,0,x\n")
    with pytest.warns(DataWarning) as caught:
        read_table(path)
    assert [warning.filename for warning in caught] == [__file__]
    message = str(caught[0].message)
    assert message.startswith(f"{path}: the column 'Id' only counts the rows")
    assert 'drop = ["Id"]' in message
    read_table(path, drop=["Id"])  # and nothing is wrong any more
    arrays = tmp_path / "data.npz"
    np.savez(arrays, inputs=np.arange(10.0).reshape(5, 2), labels=[0, 1, 0, 1, 0])
    read_table(arrays)
    np.savez(arrays, inputs=np.arange(5.0)[:, None], labels=[0, 1, 0, 1, 0])
    with pytest.warns(DataWarning, match="leave it out of the array inputs"):
        read_table(arrays)
