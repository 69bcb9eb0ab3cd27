"""`lossatlas tree` of the files of PATHSAMPLE."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    minima, states = tmp_path / "min.data", tmp_path / "ts.data"
    minima.write_text("-1.0 ****\n-0.5 ****\n-0.25 ****\n")
    states.write_text("0.5 12.0 1 1 2\n0.75 12.0 1 2 3\n")
    return minima, states


def test_two_files_or_their_folder(run, files, tmp_path: Path):
    pictures = [tmp_path / "files.svg", tmp_path / "folder.svg"]
    for source, picture in zip((files, files[0].parents[:1]), pictures, strict=True):
        result = run("tree", *source, "-o", picture)
        assert result.exit_code == 0, result.output
        assert result.stdout == f"{picture}: 3 minima in 1 connected set\n"
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_a_page_of_the_files(run, files, tmp_path: Path):
    result = run("tree", *files, "-o", tmp_path / "tree.html")
    assert result.stdout == f"{tmp_path / 'tree.html'}: 3 minima in 1 connected set\n"
    assert '"energy"' in (tmp_path / "tree.html").read_text(encoding="utf-8")


def test_the_tree_is_that_of_the_energies(run, files, tmp_path: Path):
    result = run("tree", *files, "-o", tmp_path / "tree.png", "--top", 0.6)
    assert "3 minima in 2 connected sets" in result.stdout
    result = run("tree", *files, "-o", tmp_path / "tree.png", "--top", -0.4)
    assert "2 minima in 2 connected sets" in result.stdout
    assert "1 minimum with an energy above -0.5 not shown" in result.stdout
    files[1].write_text("")
    assert "3 minima in 3 connected sets" in run("tree", *files, "-o", tmp_path / "t.png").stdout


def test_the_database_of_the_programs(run, shared, tmp_path: Path):
    for name in ("min.data", "ts.data"):  # without the files of points
        shutil.copy(shared / "peer" / "d2" / name, tmp_path)
    result = run("tree", tmp_path, "-o", tmp_path / "tree.png", "--top", "inf")
    assert "11 minima in 1 connected set" in result.stdout


def test_what_is_refused(run, files, tmp_path: Path):
    minima, states = files
    empty = tmp_path / "empty"
    empty.mkdir()
    cases = {
        (minima,): "min.data: is one table of two; give one atlas, or the files",
        (states,): "ts.data: is one table of two",
        (minima, states, states): "3 files; give one atlas",
        (empty,): "is a folder without the file min.data",
        (states, minima): "give min.data first, then ts.data",
        (minima, empty / "ts.data"): "ts.data: no such file",
        (minima, states, "--color", "test_auc"): "--color test_auc: energies and links alone",
        (minima, states, "--preset", "figure-2"): "add --color none to the preset",
    }
    for arguments, message in cases.items():
        result = run("tree", *arguments, "-o", tmp_path / "tree.png")
        assert result.exit_code == 2, arguments
        assert message in result.stderr
        assert not (tmp_path / "tree.png").exists()
    for preset in ([], ["--preset", "figure-2"]):
        result = run("tree", *files, "-o", tmp_path / "tree.png", "--color", "none", *preset)
        assert result.exit_code == 0
