"""`lossatlas tree`: the picture of an atlas."""

import datetime
from pathlib import Path

import pytest

from lossatlas.atlas import Atlas

BEGINNINGS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


@pytest.mark.parametrize("suffix", BEGINNINGS)
def test_the_suffix_decides_the_kind(run, atlas, tmp_path: Path, suffix: str):
    output = tmp_path / f"tree{suffix}"
    result = run("tree", atlas, "-o", output)
    assert result.exit_code == 0, result.output
    assert output.read_bytes().startswith(BEGINNINGS[suffix])
    assert str(output) in result.stdout


@pytest.mark.parametrize("suffix", BEGINNINGS)
def test_the_same_tree_is_the_same_file(run, atlas, tmp_path: Path, suffix: str):
    pictures = [tmp_path / f"{name}{suffix}" for name in ("once", "again")]
    for picture in pictures:
        assert run("tree", atlas, "-o", picture).exit_code == 0
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    dates = (str(datetime.date.today()).encode(), b"/CreationDate")
    assert not any(date in pictures[0].read_bytes() for date in dates)


def test_columns_color_the_branches(run, atlas, tmp_path: Path):
    pictures = []
    for color in ("none", "test_auc", "orbit_size", "times_found"):
        output = tmp_path / f"{color}.png"
        result = run("tree", atlas, "-o", output, "--color", color)
        assert result.exit_code == 0, result.output
        pictures.append(output.read_bytes())
    assert len(set(pictures)) == len(pictures)


def test_the_training_auc_colors_by_default(run, atlas, tmp_path: Path):
    for name, options in (("a", []), ("b", ["--color", "train_auc"])):
        assert run("tree", atlas, "-o", tmp_path / f"{name}.png", *options).exit_code == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_levels_and_top(run, atlas, tmp_path: Path):
    output = tmp_path / "tree.png"
    for levels in (0, 2, 100):
        assert run("tree", atlas, "-o", output, "--levels", levels).exit_code == 0
    with Atlas.open(atlas) as opened:
        losses = sorted(opened.minima()["loss"])
    assert len(losses) > 2
    result = run("tree", atlas, "-o", output, "--top", (losses[0] + losses[1]) / 2)
    assert f"{output}: 1 minimum in 1 connected set" in result.stdout
    assert f"{len(losses) - 1} minima with a loss above" in result.stdout


def test_a_page_for_the_browser(run, atlas, tmp_path: Path):
    pages = []
    for options in ([], ["--color", "test_auc", "--levels", 0], ["--color", "none"]):
        output = tmp_path / "tree.html"
        result = run("tree", atlas, "-o", output, *options)
        assert result.exit_code == 0, result.output
        with Atlas.open(atlas) as opened:
            count = len(opened.minima())
        assert result.stdout.startswith(f"{output}: {count} minima in ")
        pages.append(output.read_text(encoding="utf-8"))
    assert len(set(pages)) == 3
    assert all(str(atlas) in page for page in pages)


def test_a_figure_for_a_paper(run, atlas, tmp_path: Path):
    output = tmp_path / "paper.pdf"
    look = ["--format", "aps", "--colors", "cividis", "--label", 1, "--inset", 2, "--scale-bar"]
    assert run("tree", atlas, "-o", output, *look).exit_code == 0
    box = output.read_bytes().partition(b"/MediaBox [")[2].split(b"]")[0].split()
    assert float(box[2]) * 25.4 / 72 == pytest.approx(86, abs=0.1)
    result = run("tree", atlas, "-o", output, "--smallest", 100, "--depth", 0.5)
    assert "of small branches counted at the branches that these join" in result.stdout


def test_a_preset_is_completed_by_what_is_given(run, atlas, tmp_path: Path):
    def drawn(*options) -> bytes:
        output = tmp_path / "tree.svg"
        assert run("tree", atlas, "-o", output, *options).exit_code == 0
        return output.read_bytes()

    narrow = ["--format", "aps", "--width", 58, "--lowest", 1000]
    figure_7 = drawn("--preset", "figure-7")
    assert figure_7 == drawn("--color", "test_auc", *narrow)
    # What is given takes precedence, even where it is the default of the option.
    given = ["--preset", "figure-7", "--lowest", 0, "--color", "none", "--format", "screen"]
    assert drawn(*given) == drawn("--color", "none")
    assert drawn("--preset", "figure-7", "--width", 70) != figure_7
    result = run("tree", atlas, "-o", tmp_path / "tree.png", "--lowest", 1)
    assert "1 minimum in 1 connected set" in result.stdout
    assert "not shown: higher, or not connected (see --lowest, --top)" in result.stdout


def test_what_is_refused_before_any_work(run, atlas, tmp_path: Path):
    cases = {
        ("-o", tmp_path / "tree.gif"): "unknown kind of picture '.gif'",
        ("-o", tmp_path / "no" / "tree.png"): "folder does not exist",
        ("-o", tmp_path / "tree.html", "--top", -1): "no minimum is left",
        ("-o", tmp_path / "tree.png", "--levels", 1): "less than two",
        ("-o", tmp_path / "tree.png", "--color", "beauty"): "one of loss, lowest_eigenvalue",
        ("-o", tmp_path / "tree.png", "--color", "test_auc_macro"): "lossatlas auc",
        ("-o", tmp_path / "tree.png", "--top", -1): "no minimum is left",
        ("-o", tmp_path / "tree.png", "--format", "napkin"): "use screen, aps",
        ("-o", tmp_path / "tree.png", "--colors", "jet"): "use red-blue",
        ("-o", tmp_path / "tree.png", "--preset", "napkin"): "preset napkin: there is no such",
        ("-o", tmp_path / "tree.png", "--preset", "figure-5"): "lossatlas reproduce figure-5",
        ("-o", tmp_path / "tree.html", "--preset", "figure-1"): "--preset: is for figures",
        ("-o", tmp_path / "tree.html", "--lowest", 5): "--lowest: is for figures",
        ("-o", tmp_path / "tree.png", "--style", "none.mplstyle"): "no such file",
        ("-o", tmp_path / "tree.png", "--width", 5): "20 to 2000",
        ("-o", tmp_path / "tree.png", "--depth", "inf"): "0 or more and finite",
        ("-o", tmp_path / "tree.png", "--label", 12345): "minimum 12345",
        ("-o", tmp_path / "tree.html", "--scale-bar"): "a page for the browser",
        ("-o", tmp_path / "tree.html", "--label", 1): "a page for the browser",
    }
    if Path("/proc").is_dir():
        cases |= {("-o", f"/proc/tree.{end}"): "can be written" for end in ("png", "html")}
    for options, message in cases.items():
        result = run("tree", atlas, *options)
        assert result.exit_code == 2, options
        assert message in result.stderr
        assert not (tmp_path / "tree.png").exists()
