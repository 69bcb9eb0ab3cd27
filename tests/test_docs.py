"""The documentation is true: its code runs, its commands, options, keys and columns exist.

How pages are run is described in `pages.py`. Tutorials start from an empty folder, other pages and
the README from the files that the first tutorial leaves behind.
"""

import json
import os
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
import typer
from compiled_code import compiled_pages
from docs_text import DOCS, README, headings, section
from pages import (
    Followed,
    blocks,
    follow,
    runs_python,
    shorter,
    shown_outputs,
    steps,
    typed,
)

from lossatlas.atlas import schema
from lossatlas.errors import ADVICE, Status
from lossatlas.interop.importing import Imported
from lossatlas.interop.locating import Located
from lossatlas.program import app
from lossatlas.studies.study import Study, load_study

FIRST = DOCS / "tutorial.md"
NOTEBOOKS = sorted((DOCS / "tutorials").glob("*.md"))
TUTORIALS = [FIRST, *NOTEBOOKS]
PAGES = [README, *sorted(DOCS.glob("*.md")), *NOTEBOOKS]
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
OPTIONS = {
    name: {option for parameter in command.params for option in parameter.opts if option[0] == "-"}
    for name, command in COMMANDS.items()
}
HELP = {"--help", "-h"}


@pytest.fixture(scope="session")
def environment(pytestconfig) -> dict[str, str]:
    """Compiled code is kept for the other pages."""
    return {**os.environ, "MPLBACKEND": "agg", **compiled_pages(pytestconfig)}


def example_files(folder: Path) -> list[dict[str, str]]:
    """Steps that copy what the first tutorial leaves behind, also where the README expects it."""
    names = {"clouds.toml": "examples/d2.toml", "clouds.csv": "examples/clouds.csv"}
    files = [{"do": "copy", "text": f"{folder / old}", "where": new} for old, new in names.items()]
    return [{"do": "copy", "text": f"{folder}", "where": "."}, *files]


@pytest.fixture(scope="session")
def tours(environment, tmp_path_factory, request) -> dict[Path, tuple[Path, Followed]]:
    """The tutorials, and what other pages are asked for: for each its folder and what became of it.

    All are followed in one process, so that each finds compiled what others have needed.
    """
    asked = [i for i in request.session.items if i.originalname == test_python_blocks_run.__name__]
    pages = [*TUTORIALS, *(item.callspec.params["page"] for item in asked)]
    folders = [tmp_path_factory.mktemp(page.stem) for page in pages]
    before = example_files(folders[TUTORIALS.index(FIRST)])
    todo = [
        (folder, [*([] if page in TUTORIALS else before), *steps(page)])
        for folder, page in zip(folders, pages, strict=True)
    ]
    return dict(zip(pages, zip(folders, follow(todo, environment), strict=True), strict=True))


def clouds(folder: Path) -> list[float]:
    """Losses of the minima in the atlas of the first tutorial, in their order."""
    from lossatlas import Atlas

    with Atlas.open(folder / "clouds.atlas") as atlas:
        return sorted(atlas.minima()["loss"])


def shown_minima(page: Path) -> list[float]:
    """Losses in the table of minima of a page, in their order."""
    table = page.read_text(encoding="utf-8").split("$ lossatlas minima")[1].split("```")[0]
    return sorted(float(loss) for loss in re.findall(r"0\.\d{10}", table))


@pytest.fixture(scope="session")
def toured(tours) -> Path:
    """The folder in which the first tutorial was followed."""
    folder, followed = tours[FIRST]
    assert followed.error == ""
    return folder


def test_the_first_tutorial_finds_minima_that_it_shows(toured):
    """The exploration is cut short here: it finds some of them."""
    assert (toured / "clouds.png").stat().st_size > 10_000
    found, shown = clouds(toured), shown_minima(FIRST)
    assert len(found) >= 4
    assert all(min(abs(one - other) for other in shown) < 1e-9 for one in found)


@pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda p: p.name)
def test_tutorials_print_what_they_show(page, tours):
    """Word for word up to where an exploration is cut short here; rows of tables after that."""
    folder, followed = tours[page]
    assert followed.error == ""
    short = False
    for step in steps(page, change=str):
        short |= shorter(step["text"]) != step["text"]
        text, printed = shown_outputs(page).get(step["where"]), followed.printed[step["where"]]
        if text is not None and not short:
            assert printed == text, step["where"]
        elif text is not None and "minima[columns]" in step["text"]:
            assert {" ".join(row.split()) for row in printed.splitlines()} <= {
                " ".join(row.split()) for row in text.splitlines()
            }, step["where"]
    for picture in re.findall(r"savefig\(\"(.+?)\"", page.read_text(encoding="utf-8")):
        assert (folder / picture).stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda p: p.name)
def test_tutorials_as_they_are_typed(page, environment, tmp_path, pytestconfig):
    """With the budgets of the page and the code of the program: what the page shows is printed."""
    environment = {**environment, **compiled_pages(pytestconfig, quick="")}
    (followed,) = follow([(tmp_path, steps(page, change=str))], environment)
    assert followed.error == ""
    for where, text in shown_outputs(page).items():
        assert followed.printed[where] == text, where
    if page == FIRST:
        assert clouds(tmp_path) == pytest.approx(shown_minima(FIRST), abs=1e-9)


@pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda p: p.name)
def test_tutorials_are_notebooks(page):
    """Jupytext makes a cell of every Python block."""
    jupytext = pytest.importorskip("jupytext")
    notebook = jupytext.read(page)
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert cells == [block.text.strip() for block in blocks(page) if block.language == "python"]


@pytest.mark.slow
@pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda p: p.name)
def test_notebooks_run_in_a_kernel(page, environment, tmp_path, monkeypatch):
    jupytext, nbclient = pytest.importorskip("jupytext"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    notebook = jupytext.read(page)
    for cell in notebook.cells:
        cell.source = shorter(cell.source)
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert list(tmp_path.glob("*.png"))


EXPLORING = {"own-function.md", "own-model.md", "own-parts.md", "regression.md"}
"""Pages that explore landscapes of their own, for which all code has to be compiled."""


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(p, marks=pytest.mark.slow if p.name in EXPLORING else ())
        for p in PAGES
        if runs_python(p) and p not in TUTORIALS
    ],
    ids=lambda p: p.name,
)
def test_python_blocks_run(page, tours):
    assert tours[FIRST][1].error == ""
    assert tours[page][1].error == ""


def command_lines(page: Path) -> list[str]:
    """All that a page shows of the program: in blocks and in the running text."""
    text = page.read_text(encoding="utf-8")
    spans = re.findall(
        r"`(lossatlas [^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    )
    lines = [line for b in blocks(page) if b.language in ("", "console") for line in typed(b)]
    lines += [line for b in blocks(page) if b.language == "" for line in b.text.splitlines()]
    parts = [part.strip() for line in lines for part in line.split("&&")]
    return spans + [part for part in parts if part.startswith("lossatlas ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_and_options_exist(page):
    for line in command_lines(page):
        words = line.split()[1:]
        options = {word.split("=")[0] for word in words if re.match(r"-{1,2}[a-z]", word)}
        if words[0].startswith("-"):
            assert options <= {*HELP, "--version"}, line
        else:
            assert words[0] in COMMANDS, line
            assert options <= OPTIONS[words[0]] | HELP, line


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_described(name):
    described = section(DOCS / "cli.md", f"`{name}`")
    rows = "".join(line for line in described.splitlines(True) if line.startswith("| `-"))
    for option in OPTIONS[name] - HELP:
        assert re.search(rf"`{option}[ `]", rows), f"{name} {option}"
    assert f"$ lossatlas {name} " in described


PRINTED = {
    "explore": [["clouds.toml", "--atlas", "clouds.atlas", "--transition-states", 1]],
    "status": [["clouds.atlas"]],
    "minima": [["clouds.atlas"]],
    "transition-states": [["clouds.atlas"]],
    "auc": [["clouds.atlas"]],
    "metrics": [["clouds.atlas"], ["clouds.atlas", "--minimum", 1]],
    "verify": [["clouds.atlas", "--sample", 1]],
    "history": [["clouds.atlas"], ["clouds.atlas", "--minimum", 1]],
    "merge": [["clouds.atlas", "copy.atlas", "-o", "both.atlas"]],
    "compact": [["clouds.atlas"]],
    "reproduce": [["table-2", "--no-explore"]],
}
"""Calls by which a command prints what it prints as JSON."""
NOT_PRINTED = {"locate": Located, "import": Imported}
"""Where that takes long: the tuples that are printed."""


def fields_of(printed: Any) -> set[str]:
    """The names in JSON: those of an object, or of each row of a list, and of the lists in it."""
    if isinstance(printed, dict):
        return {*printed, *(name for value in printed.values() for name in fields_of_rows(value))}
    return fields_of_rows(printed)


def fields_of_rows(value: Any) -> set[str]:
    rows = value if isinstance(value, list) else []
    return {name for row in rows if isinstance(row, dict) for name in row}


@pytest.mark.parametrize("name", PRINTED)
def test_every_field_of_json_is_described(name, toured, tmp_path, run, monkeypatch):
    shutil.copytree(toured, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    shutil.copy("clouds.atlas", "copy.atlas")
    described = section(DOCS / "cli.md", f"`{name}`")
    for arguments in PRINTED[name]:
        printed = run(name, *arguments, "--json")
        assert printed.exit_code == 0, printed.output
        for field in fields_of(json.loads(printed.stdout)):
            assert f"`{field}`" in described, field


@pytest.mark.parametrize("name", NOT_PRINTED)
def test_every_field_of_what_is_printed_is_described(name):
    described = section(DOCS / "cli.md", f"`{name}`")
    for field in set(NOT_PRINTED[name]._fields) - {"weights"}:
        assert f"`{field}`" in described, field


def test_the_fields_of_all_commands_are_looked_at():
    with_json = {name for name, options in OPTIONS.items() if "--json" in options}
    assert with_json == {*PRINTED, *NOT_PRINTED}


TOML = [(p, block) for p in PAGES for block in blocks(p) if block.language == "toml"]


@pytest.mark.parametrize(("page", "block"), TOML, ids=lambda x: getattr(x, "name", None))
def test_studies_shown_are_valid(page, block, tmp_path):
    (tmp_path / "shown.toml").write_text(block.text, encoding="utf-8")
    load_study(tmp_path / "shown.toml")


def keys() -> list[tuple[str, str, Any]]:
    """Heading, key and field of every key of a study."""
    sources = {
        get_args(model.model_fields["source"].annotation)[0]: model
        for model in get_args(Study.model_fields["data"].annotation)
    }
    fields = [
        (f'`source = "{source}"`', key, field)
        for source, model in sources.items()
        for key, field in model.model_fields.items()
    ]
    for table in ("noise", "network", "loss", "explore"):
        model = Study.model_fields[table].annotation
        fields += [(f"`[{table}]`", key, field) for key, field in model.model_fields.items()]  # type: ignore[union-attr]
    return fields


@pytest.mark.parametrize(
    ("heading", "key", "field"), keys(), ids=lambda x: x if str(x) == x else ""
)
def test_every_key_of_a_study_is_described_with_its_default(heading, key, field):
    described = section(DOCS / "studies.md", heading) + section(DOCS / "studies.md", "`[data]`")
    row = re.search(rf"^\| `{key}` \|(.*)\|(?P<default>.*)\|(.*)\|$", described, re.M)
    assert row is not None
    if field.is_required():
        assert row["default"].strip() == "required"
    elif field.default is None:
        assert row["default"].strip() == "none"
    else:
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        assert row["default"].strip() == f"`{json.dumps(default)}`"


def test_only_keys_of_studies_are_described():
    rows = re.findall(r"^\| `(\w+)` \|", (DOCS / "studies.md").read_text(encoding="utf-8"), re.M)
    assert set(rows) == {key for _, key, _ in keys()}


@pytest.mark.parametrize("table", schema.metadata.tables.values(), ids=lambda t: t.name)
def test_every_column_of_the_database_is_described(table):
    heading = next(h for h in headings(DOCS / "atlas.md") if f"`{table.name}`" in h)
    described = section(DOCS / "atlas.md", heading)
    for column in table.columns:
        assert f"`{column.name}`" in described, column.name


def test_every_status_is_described():
    text = (DOCS / "atlas.md").read_text(encoding="utf-8")
    assert all(f"| `{status.name}` |" in text for status in Status)


def test_every_public_name_has_an_entry():
    import lossatlas

    page = (DOCS / "api.md").read_text(encoding="utf-8")
    reference = "".join(one.read_text(encoding="utf-8") for one in DOCS.glob("reference/*.md"))
    shown = {name.rsplit(".", 1)[1] for name in re.findall(r"^::: ([\w.]+)$", reference, re.M)}
    listed = re.findall(r"members: \[(.*)\]", reference)
    shown |= {name for names in listed for name in names.split(", ")}
    for name in lossatlas.__all__:
        public = getattr(lossatlas, name)
        if isinstance(public, ModuleType):
            assert f"`lossatlas.{name}`" in page
            assert set(public.__all__) <= shown, name
        else:
            assert name in shown


@pytest.mark.parametrize(
    "status", [s for s in Status if s not in (Status.RUNNING, Status.CONVERGED)]
)
def test_every_status_that_is_no_success_is_explained(status):
    """The page says what the program says."""
    page = (DOCS / "if-something-goes-wrong.md").read_text(encoding="utf-8").lower()
    advice = ADVICE[status]
    assert (
        f"| `{status.name.lower()}` | {advice.meaning.lower()}. | {advice.remedy.lower()}. |"
        in page
    )
