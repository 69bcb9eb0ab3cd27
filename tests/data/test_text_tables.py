"""Tables in text files: however they are written, the same numbers; else the line and column."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given, strategies as st

from lossatlas.data.columns import TableOptions
from lossatlas.data.text_tables import read_text_table
from lossatlas.errors import BadInputError


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("text") / "table.csv"


def read(path, text, encoding="utf-8", **options):
    path.write_bytes(text.encode(encoding))
    return read_text_table(path, TableOptions(**options))


def refusal(path, text, **options):
    with pytest.raises(BadInputError) as caught:
        read(path, text, **options)
    assert caught.value.where.startswith(str(path))
    return str(caught.value).removeprefix(f"{path}")


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
KINDS = st.sampled_from(["a", "Iris setosa", "x, y", "p;q", 'say "no"', "ü", "1st"])


@given(
    rows=st.lists(st.tuples(NUMBERS, NUMBERS, KINDS), min_size=1, max_size=6),
    separator=st.sampled_from(",;\t| "),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    decimal_comma=st.booleans(),
    trailing=st.booleans(),
)
def test_the_way_of_writing_does_not_matter(
    path, rows, separator, end, encoding, decimal_comma, trailing
):
    written = io.StringIO(newline="")
    # Blanks cannot end lines with an empty cell that is seen.
    quoting = csv.QUOTE_MINIMAL if separator != " " else csv.QUOTE_NONNUMERIC
    writer = csv.writer(written, delimiter=separator, lineterminator=end, quoting=quoting)
    more = [""] if trailing and separator != " " else []
    # A first row whose comma no thousands have leaves no doubt.
    rows = [(0.125, 2.0, "a"), *rows]
    writer.writerow(["first, one", "second", "label", *more])
    for a, b, kind in rows:
        cells = [repr(value) for value in (a, b)]
        if decimal_comma:
            cells = [cell.replace(".", ",") for cell in cells]
        writer.writerow([*cells, kind, *more])
    table = read(path, written.getvalue(), encoding)
    assert table.inputs.tolist() == [[a, b] for a, b, _ in rows]
    assert table.labels.tolist() == [kind for *_, kind in rows]
    assert table.columns.features == ["first, one", "second"]


TABLE = [[1.0, 2.0], [3.0, 4.5]]


@pytest.mark.parametrize(
    "text",
    [
        "a,b,label\n1,2,x\n3,4.5,y\n",
        "a,b,label\n1,2,x\n3,4.5,y",
        "label,a,b\nx,1,2\ny,3,4.5\n",
        "a,b,label,\n1,2,x,\n3,4.5,y,\n",
        "a,b,label\n1,2,x,\n3,4.5,y,,\n",
        "a,b,label,\n1,2,x\n3,4.5,y\n",
        "a;b;label;;\n1;2;x;;\n3;4,5;y;;\n",
        "\n\na,b,label\n\n1,2,x\n,,\n3,4.5,y\n\n",
        "# by me, in 2020\n# a, b\na,b,label\n1,2,x\n# middle\n#0,0,0\n3,4.5,y\n# end\n",
        "#a,b,label\n1,2,x\n3,4.5,y\n",
        "# a b label\n1.0e0 2.0e0 x\n3.0e0 4.5e0 y\n",
        "sep=;\na;b;label\n1;2;x\n3;4,5;y\n",
        "a , b , label\n 1 , 2 , x \n3,\t4.5,y\n",
        '"a","b","label"\n"1","2","x"\n"3","4.5","y"\n',
        '"a";"b";"label"\n"1";"2";"x"\n"3";"4,5";"y"\n',
    ],
)
def test_one_table_written_in_many_ways(path, text):
    table = read(path, text)
    assert table.inputs.tolist() == TABLE
    assert table.labels.tolist() == ["x", "y"]
    assert table.columns.features == ["a", "b"]


def test_without_a_header(path):
    text = "5.1,3.5,setosa\n4.9,3.0,setosa\n7.0,3.2,versicolor\n"
    table = read(path, text, header=False)
    assert table.inputs.tolist() == [[5.1, 3.5], [4.9, 3.0], [7.0, 3.2]]
    assert table.columns.names == ["x1", "x2", "x3"]
    first = read(path, "1,5.1,3\n2,4.9,4\n", header=False, label="x1", drop=("x3",))
    assert (first.inputs.tolist(), first.labels.tolist()) == ([[5.1], [4.9]], [1, 2])
    commented = read(path, "# a b label\n1.5 2 0\n", header=False)
    assert commented.columns.names == ["x1", "x2", "x3"]
    assert "line 1: it holds names" in refusal(path, "a,b,label\n1,2,0\n", header=False)
    assert "line 1, column 'x1': '?'" in refusal(path, "?,2,0\n", header=False)
    assert "line 2: 2 cells" in refusal(path, "1,2,0\n1,2\n", header=False)
    assert "line 1: 1 columns" in refusal(path, "1\n2\n", header=False)


def test_texts_may_stand_in_columns_that_are_dropped(path):
    text = "name,a,kind,note\nann,1,x,\nbob,2,y,?\n#eve,3,x,z\n"
    table = read(path, text, label="kind", drop=("name", "note"))
    assert table.inputs.tolist() == [[1], [2], [3]]  # the name of a row may begin with #
    assert table.labels.tolist() == ["x", "y", "x"]


@pytest.mark.parametrize(
    ("labels", "read_as"),
    [
        ("1 2 3", [1, 2, 3]),
        ("-1 1.0 1e0", [-1, 1, 1]),
        ("1 2 b", ["1", "2", "b"]),
        ("True False True", ["True", "False", "True"]),
        ("1_0 1_1 1_0", ["1_0", "1_1", "1_0"]),
        ("#f00 #0f0 #00f", ["#f00", "#0f0", "#00f"]),
        ("+ - +", ["+", "-", "+"]),
        ('"1,5" "2,3" "1,5"', ["1,5", "2,3", "1,5"]),  # nothing says that these are decimals
    ],
)
def test_labels_are_numbers_if_all_of_them_are(path, labels, read_as):
    rows = "".join(f"{label},{row}\n" for row, label in enumerate(labels.split()))
    assert read(path, "label,a\n" + rows).labels.tolist() == read_as


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y,label\n1,2,cat\n1,2,NaN\n6,8,?\n", ": line 3, column 'label': 'NaN' stands for"),
        ("x,y,label\n1,2,cat\n\n1,2,\n", ": line 4, column 'label': no label"),
        ("x,Class\n1,0\n1,n/a\n", ": line 3, column 'Class': 'n/a' stands for a missing label"),
        ("x,label\n1,0\n1,1.5\n", ": line 3, column 'label': 1.5 is not a whole number"),
        ("#x,label\n1_0,a\n2,b\n", ": line 2, column 'x': '1_0' is not a finite number as"),
        ("x;label\n1,5;0,5\n", ": line 2, column 'label': 0.5 is not a whole number"),
        ("x,label\n1,0\n?,1\n", ": line 3, column 'x': '?' is not a finite number"),
        ("x,label\n1,0\n1_000,1\n", ": line 3, column 'x': '1_000' is not a finite number as"),
        ("x,label\n0x10,0\n", ": line 2, column 'x': '0x10' is not a finite number as"),
        ("x,label\n45%,0\n", ": line 2, column 'x': '45%' is not a finite number as"),
        ('x,label\n"1,234",0\n', ": line 2, column 'x': '1,234' is not a finite number as"),
        ("x;z;label\n1,5;2.5;0\n", ": line 2, column 'x': '1,5' is not a finite number as"),
        ("x;z;label\n1;2;0\n1;2\n", ": line 3: 2 cells, the header has 3 (separated by semi"),
        ('"x","label"\n"1",2,"a"\n', "if the first one is the name of the row"),
        ("x\tlabel\n1\t2\t3\n", ": line 2: 3 cells, the header has 2 (separated by tabs)"),
        ('# c\nx,label\n1,"0\n2,1\n', ": line 4: not a table separated by commas"),
    ],
)
def test_messages_have_line_and_column(path, text, message):
    assert message in refusal(path, text)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("Class,x,y\na,0.1,1.2\n", ['label = "Class"', 'drop = ["Class"]']),
        ("target,x,y\n1,0.1,1.5\n", ['label = "target"', "a loss for numbers"]),
        ("Id,x,species\nr1,0.1,a\n", ['label = "Id"', 'drop = ["Id"]', "'species'"]),
        ("x,kind,comment\n1,a,\n", ['label = "kind"', "'comment'"]),
        ("kind,x,comment\n1,2,\n1,2,\n", ['label = "kind"', "'comment'"]),
        ("color,x,label\nred,0.1,a\n", ['drop = ["color"]']),
    ],
)
def test_messages_name_the_keys_and_the_likely_columns(path, text, keys):
    message = refusal(path, text)
    assert all(key in message for key in keys)


def test_the_rows_are_an_array(path):
    table = read(path, "a,label\n1,0\n2,1\n")
    assert (table.inputs.dtype, table.inputs.shape, table.labels.dtype) == (float, (2, 1), float)
    assert np.array_equal(table.labels, [0, 1])
