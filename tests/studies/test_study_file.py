"""Study files: what is accepted, and what is said about everything else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from lossatlas.errors import BadInputError
from lossatlas.studies.study import FileSource, LJAT3Source, Noise, Study, load_study

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))

LJAT3 = 'source = "ljat3"\nside = "D2"\ntrain = 10\ntest = 10'
FILE = 'source = "file"\npath = "a.csv"\ntrain = 1\ntest = 1\n'
TABLES = {"data": LJAT3, "network": "hidden = [10]", "loss": "l2 = 1e-4", "explore": "minutes = 2"}


def text(**changed: str | None) -> str:
    """A good study with some tables replaced or, by None, left out."""
    tables = {**TABLES, **changed}
    return "\n".join(f"[{name}]\n{keys}\n" for name, keys in tables.items() if keys is not None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "d2.toml"


def refusal(file: Path, content: str) -> BadInputError:
    file.write_text(content)
    with pytest.raises(BadInputError) as caught:
        load_study(file)
    return caught.value


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_studies(example: Path):
    assert load_study(example).name == example.stem


def test_there_are_examples():
    assert {"d1", "d2", "mnist", "noise"} <= {example.stem for example in EXAMPLES}


def test_defaults_are_those_of_the_paper(file: Path):
    file.write_text(text(explore=None))
    study = load_study(file)
    assert isinstance(study.data, LJAT3Source)
    assert (study.data.items, study.data.inputs, study.data.step_cap) == (
        200_000,
        ("r12", "r13"),
        0.4,
    )
    assert (study.data.split, study.data.scaling, study.data.seed) == ("random", "none", 0)
    assert (study.network.neighbors, study.network.ties) == (0, "lowest")
    assert study.loss.regularize_biases
    assert (study.explore.minutes, study.explore.transition_states) == (None, None)


def test_a_side_may_be_a_number(file: Path):
    file.write_text(text(data=LJAT3.replace('"D2"', "2")))
    assert load_study(file).data.side == 2.0  # type: ignore[union-attr]


def test_a_study_knows_its_file(file: Path):
    file.write_text(text(data='source = "file"\npath = "rows.csv"\ntrain = 1\ntest = 1'))
    study = load_study(file)
    assert isinstance(study.data, FileSource)
    assert (study.name, study.file, study.data.path) == ("d2", file, "rows.csv")


REFUSED = {
    "misspelled key": (
        text(network="hiden = [10]"),
        "[network] hiden",
        "no such key",
        "did you mean hidden?",
    ),
    "unknown key": (
        text(loss="l2 = 1\nq = 2"),
        "[loss] q",
        "no such key",
        "l2, function, sharpness, regularize_biases, convention",
    ),
    "key of another source": (
        text(data=f'{LJAT3}\npath = "x.csv"'),
        "[data] path",
        "no such key",
        "side",
    ),
    "misspelled table": (text(netwrk="a = 1"), "[netwrk]", "no such table", "network"),
    "stray key": ("minutes = 1\n" + text(), "minutes", "in no table", "[explore]"),
    "name": ('name = "x"\n' + text(), "name", "in no table", "[explore]"),
    "private": ('_file = "x"\n' + text(), "_file", "in no table", "[explore]"),
    "no data": (text(data=None), "[data]", "missing", "[data]"),
    "data is no table": ("data = 3", "data", "3 is no table", "[data]"),
    "no source": (text(data="train = 10"), "[data] source", "missing", "ljat3, file, sklearn"),
    "unknown source": (
        text(data='source = "mnist3"'),
        "[data] source",
        '"mnist3"',
        "ljat3, file, sklearn",
    ),
    "strange source": (text(data="source = [1]"), "[data] source", "[1]", "ljat3, file, sklearn"),
    "no train": (
        text(data=LJAT3.replace("train = 10\n", "")),
        "[data] train",
        "missing",
        "train =",
    ),
    "unknown cube": (text(data=LJAT3.replace("D2", "D4")), "[data] side", '"D4"', "D2"),
    "negative side": (text(data=LJAT3.replace('"D2"', "-1")), "[data] side", "-1", "side ="),
    "text for a number": (text(data=LJAT3.replace("10", '"10"')), "[data] train", '"10"', "1000"),
    "truth for a number": (text(data=LJAT3.replace("10", "true")), "[data] train", "true", "1000"),
    "no rows": (text(data=LJAT3.replace("10", "0")), "[data] train", "0 is not a whole", "1000"),
    "no name of a column": (text(data=FILE + "label = 3"), "[data] label", "3 is not", "species"),
    "no list of names": (text(data=FILE + 'drop = "Id"'), "[data] drop", "a list of names", "Id"),
    "half a header": (text(data=FILE + "header = 0"), "[data] header", "true or false", "header"),
    "equal inputs": (
        text(data=f'{LJAT3}\ninputs = ["r12", "r12"]'),
        "[data] inputs",
        "different",
        "r13",
    ),
    "no inputs": (text(data=f"{LJAT3}\ninputs = []"), "[data] inputs", "different", "r13"),
    "unknown input": (text(data=f'{LJAT3}\ninputs = ["r21"]'), "[data] inputs", '"r21"', "r13"),
    "unknown split": (text(data=f'{LJAT3}\nsplit = "half"'), "[data] split", '"ordered"', "random"),
    "unknown scaling": (
        text(data=f'{LJAT3}\nscaling = "std"'),
        "[data] scaling",
        "standard",
        "none",
    ),
    "unknown set": (
        text(data='source = "sklearn"\nname = "mnist"\ntrain = 1\ntest = 1'),
        "[data] name",
        "iris",
        "digits",
    ),
    "negative seed": (text(explore="seed = -1"), "[explore] seed", "-1", "seed ="),
    "huge seed": (text(explore=f"seed = {2**63}"), "[explore] seed", str(2**63), "seed ="),
    "no layer": (text(network="hidden = []"), "[network] hidden", "convex", "[10]"),
    "table in capitals": (
        text(data=None, DATA=LJAT3),
        "[DATA]",
        "no such table",
        "did you mean data?",
    ),
    "name in the paper": (text(loss="lambda = 1"), "[loss] lambda", "no such key", "mean l2?"),
    "key in capitals": (text(loss="L2 = 1"), "[loss] L2", "no such key", "did you mean l2?"),
    "line break in a path": (
        text(data='source = "file"\npath = "C:\\new\\rows.csv"\ntrain = 1\ntest = 1'),
        "[data] path",
        "control character",
        "put the path in single quotes",
    ),
    "tab in a path": (
        text(data='source = "mnist"\npath = "D:\\tables"\ntrain = 1\ntest = 1'),
        "[data] path",
        "control character",
        "put the path in single quotes",
    ),
    "form feed in a path": (
        text(noise='kind = "boundary"\nreference = "C:\\first.atlas"'),
        "[noise] reference",
        "control character",
        "put the path in single quotes",
    ),
    "empty layer": (text(network="hidden = [0]"), "[network] hidden", "[0]", "[10]"),
    "no list": (text(network="hidden = 10"), "[network] hidden", "10 is not", "[10]"),
    "broken layer": (text(network="hidden = [2.5]"), "[network] hidden", "[2.5]", "[10]"),
    "ties": (text(network='hidden = [2]\nties = "low"'), "[network] ties", "highest", "lowest"),
    "negative l2": (text(loss="l2 = -1e-4"), "[loss] l2", "positive", "0.0001"),
    "zero l2": (text(loss="l2 = 0"), "[loss] l2", "positive", "0.0001"),
    "no number": (text(loss="l2 = nan"), "[loss] l2", "NaN", "0.0001"),
    "infinite l2": (text(loss="l2 = inf"), "[loss] l2", "Infinity", "0.0001"),
    "no time": (text(explore="minutes = 0"), "[explore] minutes", "0 is not", "2"),
    "no width": (text(explore="width = 0"), "[explore] width", "0 is not", "192"),
    "no lanes": (text(explore="lanes = 0"), "[explore] lanes", "0 is not", "4"),
    "unknown pixels": (
        text(data='source = "mnist"\ntrain = 1\ntest = 1\npixels = "byte"'),
        "[data] pixels",
        '"raw"',
        "unit",
    ),
    "too much noise": (text(noise="fraction = 1.1"), "[noise] fraction", "1.1", "fraction = 0.1"),
    "unknown noise": (text(noise='kind = "label"'), "[noise] kind", '"label"', "uniform"),
    "matrix of no use": (
        text(noise="confusion = [[1.0]]"),
        "[noise] confusion",
        'only noise of kind "class-conditional" has this key',
        "leave it out",
    ),
    "reference of no use": (
        text(noise='reference = "clean.atlas"'),
        "[noise] reference",
        '"boundary" or "adversarial"',
        "leave it out",
    ),
    "seed of no use": (
        text(noise='kind = "boundary"\nreference = "clean.atlas"\nseed = 1'),
        "[noise] seed",
        '"uniform" or "class-conditional" or "permutation"',
        "leave it out",
    ),
    "no matrix": (
        text(noise='kind = "class-conditional"'),
        "[noise] confusion",
        "missing",
        "confusion = [[",
    ),
    "no reference": (
        text(noise='kind = "adversarial"'),
        "[noise] reference",
        "missing",
        '"clean.atlas"',
    ),
    "no probabilities": (
        text(noise='kind = "class-conditional"\nconfusion = [[0.9, 0.1], [0.2, 0.7]]'),
        "[noise] confusion",
        "row 2 sums to 0.9, not to 1",
        "confusion = [[",
    ),
    "half a matrix": (
        text(noise='kind = "class-conditional"\nconfusion = [[0.9, 0.1], [1]]'),
        "[noise] confusion",
        "not square",
        "confusion = [[",
    ),
    "empty matrix": (
        text(noise='kind = "class-conditional"\nconfusion = []'),
        "[noise] confusion",
        "not square",
        "confusion = [[",
    ),
    "half a flag": (
        text(loss="l2 = 1\nregularize_biases = 1"),
        "[loss] regularize_biases",
        "1",
        "true",
    ),
}


def test_the_columns_of_a_table_may_be_chosen(file: Path):
    file.write_text(text(data=FILE))
    plain = load_study(file).data
    assert (plain.label, plain.drop, plain.header) == (None, (), True)  # type: ignore[union-attr]
    file.write_text(text(data=FILE + 'label = "x1"\ndrop = ["x2", "x5"]\nheader = false'))
    chosen = load_study(file).data
    assert (chosen.label, chosen.drop, chosen.header) == ("x1", ("x2", "x5"), False)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("rows.csv", "{folder}/rows.csv"),
        ("data/rows.csv", "{folder}/data/rows.csv"),
        ("/data/rows.csv", "/data/rows.csv"),
        ("~/rows.csv", "{home}/rows.csv"),
        ("~", "{home}"),
        ("a~b.csv", "{folder}/a~b.csv"),
        ("~nobody-of-this-name/a.csv", "{folder}/~nobody-of-this-name/a.csv"),
    ],
)
def test_paths_are_relative_to_the_study_or_to_the_home_folder(file, path, place, monkeypatch):
    home = file.parent / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    file.write_text(text())
    expected = Path(place.format(folder=file.parent, home=home))
    assert load_study(file).beside(path) == expected


@pytest.mark.parametrize("case", REFUSED)
def test_messages_name_the_key_the_value_and_the_remedy(file: Path, case: str):
    content, where, problem, remedy = REFUSED[case]
    error = refusal(file, content)
    assert error.where == f"{file}: {where}"
    assert problem in error.problem
    assert remedy in error.remedy or remedy in error.problem


def test_further_problems_are_counted(file: Path):
    assert "2 more problems" in refusal(file, text(network="hiden = 1", loss="l2 = 0")).remedy
    one = refusal(file, text(data=LJAT3.replace('"D2"', "[]")))
    assert "more problem" not in one.remedy  # although it fits neither of two types


def test_files_that_are_no_study(tmp_path: Path):
    for name, content, problem in (
        ("broken.toml", b"[data\n", "line 1"),
        ("picture.toml", bytes(range(128, 256)), "not a text file in UTF-8"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadInputError, match=problem):
            load_study(tmp_path / name)
    with pytest.raises(BadInputError, match="no such file"):
        load_study(tmp_path / "nowhere.toml")
    with pytest.raises(BadInputError, match="cannot be read"):
        load_study(tmp_path)


def test_noise_survives_json():
    for table in (
        {"fraction": 0.1, "seed": 3, "common_random_numbers": True},
        {"kind": "class-conditional", "confusion": [[0.5, 0.5], [0, 1]], "fraction": 1},
        {"kind": "boundary", "reference": "clean.atlas"},
    ):
        noise = Noise.model_validate(table)
        again = json.loads(json.dumps(noise.model_dump(mode="json")))
        assert Noise.model_validate(again) == noise


@given(
    hidden=st.lists(st.integers(1, 500), min_size=1, max_size=4),
    l2=st.floats(1e-12, 1e3),
    side=st.one_of(st.sampled_from(["D1", "D2", "D3"]), st.floats(0.1, 100.0)),
    seed=st.integers(0, 2**63 - 1),
    minutes=st.none() | st.floats(1e-3, 1e6),
)
def test_a_study_survives_json(hidden, l2, side, seed, minutes):
    study = Study.model_validate(
        {
            "data": {"source": "ljat3", "side": side, "train": 5, "test": 6, "seed": seed},
            "network": {"hidden": hidden},
            "loss": {"l2": l2},
            "explore": {"minutes": minutes},
        }
    )
    again = json.loads(json.dumps(study.tables))
    assert again == study.tables
    assert Study.model_validate(again).tables == study.tables


def test_checking_a_study_loads_neither_jax_nor_pandas():
    code = (
        "import sys, lossatlas.studies.study; "
        "print({'jax', 'pandas', 'sklearn', 'sqlalchemy', 'matplotlib'} & set(sys.modules))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "set()"
