"""A table explored without a study: the study that is written for it."""

from pathlib import Path

import pytest

from lossatlas.errors import BadInputError
from lossatlas.studies.problem import prepare
from lossatlas.studies.quick_study import Quick, draft_study
from lossatlas.studies.study import load_study

ROWS = "".join(f"{k / 7:.3f};{(k * k) % 5};{'abc'[k % 3]}\n" for k in range(60))


def write_study(table: Path, folder: Path, quick: Quick) -> Path:
    return draft_study(table, folder, quick).write()


@pytest.fixture
def table(tmp_path) -> Path:
    path = tmp_path / "my rows.csv"
    path.write_text(f"x;y;kind of thing\n{ROWS}")
    return path


def test_the_study_says_what_is_done(table, tmp_path):
    path = write_study(table, tmp_path, Quick((4, 3), 1e-3, "gelu"))
    assert path == tmp_path / "my rows.toml"
    study = load_study(path)
    assert study.network.hidden == (4, 3)
    prepared = prepare(study)
    assert (len(prepared.train), len(prepared.test)) == (48, 12)
    assert prepared.landscape.architecture.activation.name == "gelu"
    assert abs(prepared.train.inputs.mean()) < 1e-12
    assert write_study(table, tmp_path, Quick((4, 3), 1e-3, "gelu")) == path  # it says the same
    with pytest.raises(BadInputError, match="says something else"):
        write_study(table, tmp_path, Quick((4,), 1e-3, "gelu"))


def test_numbers_are_scaled_and_drawn_at_random(table, tmp_path):
    quick = Quick((2,), 1e-2, function="mean-squared-error", label="y", drop=("kind of thing",))
    prepared = prepare(load_study(write_study(table, tmp_path, quick)))
    targets = prepared.problem.arrays["train_targets"]
    assert targets.shape == (48, 1)
    assert targets.std() == pytest.approx(1.0)


def test_testing_rows_of_their_own(table, tmp_path):
    other = tmp_path / "elsewhere" / "new.csv"
    other.parent.mkdir()
    other.write_text("x;y;kind of thing\n" + "1.0;2;a\n2.0;3;b\n3.0;3;c\n" * 3)
    folder = tmp_path / "atlases"
    folder.mkdir()
    study = load_study(write_study(table, folder, Quick((2,), 1e-2, test_path=str(other))))
    prepared = prepare(study)
    assert (len(prepared.train), len(prepared.test)) == (60, 9)
    assert study.data.path == "../my rows.csv"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{table}", "--l2", "1e-3"], "a table needs --hidden"),
        (["{table}", "--hidden", "3"], "a table needs --l2"),
        (["{table}", "--hidden", "ten", "--l2", "1e-3"], "not a list of numbers of units"),
        (["{table}", "--hidden", "3,0", "--l2", "1e-3"], "not a list of numbers of units"),
        (["{table}", "--hidden", "3", "--l2", "-1"], "l2"),
        (["{table}", "--hidden", "3", "--l2", "0"], "l2"),
        (["{table}", "--hidden", "3", "--l2", "1", "--activation", "relu"], "no second derivative"),
        (["{table}", "--hidden", "3", "--l2", "1", "--loss", "hinge"], "not known"),
        (["{folder}/no.csv", "--hidden", "3", "--l2", "1"], "no such file"),
        (["{folder}/some.toml", "--hidden", "3"], "this option is for tables"),
        (["{table}", "--hidden", "3", "--l2", "1", "--label", "size"], "size"),
        (["{table}", "--hidden", "3", "--l2", "1", "--atlas", "{folder}/no/a.atlas"], "no such"),
    ],
)
def test_what_cannot_be_explored_is_refused(table, run, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    filled = [part.format(table=table, folder=tmp_path) for part in arguments]
    ran = run("explore", *filled)
    assert ran.exit_code == 2, ran.output
    assert words in ran.output
    assert not list(tmp_path.glob("*.atlas"))
    assert not list(tmp_path.glob("*.toml"))  # it would be in the way of the corrected command


def test_the_corrected_command_runs_and_keeps_its_study(table, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    common = ["explore", table, "--hidden", "2", "--minima", "1", "--progress", "none"]
    for wrong in (["--l2", "0"], ["--l2", "1e-2", "--width", "1"]):
        assert run(*common, *wrong).exit_code == 2
        assert not (tmp_path / "my rows.toml").exists()
    ran = run(*common, "--l2", "1e-2")
    assert ran.exit_code == 0, ran.output
    assert load_study(tmp_path / "my rows.toml").loss.l2 == 1e-2
    (tmp_path / "my rows.toml").unlink()
    ran = run(*common, "--l2", "1e-1")  # the atlas is of another landscape
    assert ran.exit_code != 0
    assert not (tmp_path / "my rows.toml").exists()
