"""Columns: where the labels are, what is no header, and what the user is told to write."""

import pytest

from lossatlas.data.columns import TableOptions, chosen_columns, named_columns
from lossatlas.data.separators import Form
from lossatlas.errors import BadInputError

FORM = Form(",", 0, "")


def named(names, **options):
    return named_columns(names, TableOptions(**options), FORM, "a.csv: line 1")


def refusal(names, **options):
    with pytest.raises(BadInputError) as caught:
        named(names, **options)
    return caught.value


@pytest.mark.parametrize("label", ["label", "Label", "LABEL", "lAbEl"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_label_is_found_whatever_its_case(label, place):
    names = ["a", "class"]
    names.insert(place, label)
    columns = named(names)
    assert (columns.label, columns.features, columns.chosen) == (place, ["a", "class"], True)


def test_lower_case_comes_before_other_cases_and_these_must_be_told_apart():
    assert named(["Label", "x", "label"]).label == 2
    error = refusal(["Label", "x", "LABEL"])
    assert "'Label' and 'LABEL' may both hold the labels" in error.problem
    assert 'label = "Label"' in error.remedy
    assert named(["Label", "x", "LABEL"], label="LABEL", drop=("Label",)).features == ["x"]


def test_else_the_last_column_holds_the_labels():
    columns = named(["species", "x", "y"])
    assert (columns.label, columns.chosen, columns.likely_label()) == (2, False, "species")
    assert 'label = "species"' in columns.keys_to_set("species")
    assert 'drop = ["x"]' in columns.keys_to_set("x")


def test_y_is_a_coordinate_beside_x():
    assert named(["x", "y", "z"]).likely_label() is None
    assert named(["a", "Y", "z"]).likely_label() == "Y"


def test_columns_are_chosen_and_dropped():
    columns = named(["Id", "kind", "x", "note", "z"], label="kind", drop=("Id", "note"))
    assert (columns.label, columns.features) == (1, ["x", "z"])


@pytest.mark.parametrize(
    ("options", "where", "problem", "remedy"),
    [
        ({"label": "species"}, "label", "no column 'species'", "did you mean 'Species'?"),
        ({"label": "specis"}, "label", "no column 'specis'", "did you mean 'Species'?"),
        ({"drop": ("id",)}, "drop", "no column 'id'", "did you mean 'Id'?"),
        ({"drop": ("Id", "qqq")}, "drop", "no column 'qqq'", "the columns are 'Id', 'x'"),
        ({"drop": ("Species",)}, "drop", "'Species' holds the labels", "leave it out"),
        ({"label": "Id", "drop": ("Id",)}, "drop", "'Id' holds the labels", "leave it out"),
        ({"drop": ("Id", "x")}, None, "no column of inputs is left", "fewer"),
    ],
)
def test_names_that_fit_no_column(options, where, problem, remedy):
    error = refusal(["Id", "x", "Species"], **options)
    assert error.where == "a.csv: line 1" + (f": {where}" if where else "")
    assert problem in error.problem
    assert remedy in error.remedy


@pytest.mark.parametrize(
    "names",
    [
        ["5.1", "3.5", "setosa"],
        ["setosa", "5.1", "3.5"],
        ["5.1", "setosa"],
        ["a", "5.1", "label"],
        ["5.1", "3.5", "label"],
        ["1", "2", "3"],
        ["5.1", "5.1", "setosa"],
        ["5.1", "", "setosa"],
        ["5,1", "a", "setosa"],
        ["1e-3", "a", "setosa"],
        ["45%", "a", "setosa"],
        ["0x10", "a", "setosa"],
        ["?", "a", "setosa"],
        ["nan", "a", "setosa"],
        ["0", "1", "setosa"],
        ["1", "0", "label"],
    ],
)
@pytest.mark.parametrize("options", [{}, {"drop": ("Id",)}])
def test_numbers_are_no_names(names, options):
    error = refusal(names, **options)
    assert error.where == "a.csv: line 1"
    assert "column name" in error.problem
    assert "header = false" in error.remedy


def test_the_number_of_a_column_that_is_no_input_is_a_name():
    assert named(["a", "b", "7"]).features == ["a", "b"]
    assert named(["a", "2020", "kind"], drop=("2020",)).features == ["a"]


def test_pandas_counts_columns_without_names():
    assert named(["0", "1", "2", "label"]).features == ["0", "1", "2"]
    assert named(["kind", "0", "1"], label="kind").features == ["0", "1"]


@pytest.mark.parametrize(
    ("names", "problem", "remedy"),
    [
        (["a"], "1 columns", "separated by commas"),
        ([], "0 columns", "separated by commas"),
        (["a", "b", "a", "label"], "column names: a", "name every column"),
        (["a", "", "label"], "column names: empty", "name every column"),
        (["", "a", "label"], "column names: empty", "to_csv(..., index=False)"),
    ],
)
def test_what_else_is_no_header(names, problem, remedy):
    error = refusal(names)
    assert problem in error.problem
    assert remedy in error.remedy


@pytest.mark.parametrize("name", ["Na", "_1", "2020_01", "2020-01", "1st", "x5.1", "%"])
def test_what_is_a_name(name):
    assert named([name, "K", "label"]).features == [name, "K"]


def test_numbered_columns_can_be_chosen_too():
    columns = chosen_columns(["x1", "x2", "x3"], TableOptions("x1", ("x3",), False), "a.csv")
    assert (columns.label, columns.features) == (0, ["x2"])
