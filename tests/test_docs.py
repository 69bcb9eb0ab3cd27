"""The documentation is true: its code runs, its commands, options, keys and columns exist.

Pages run as they are read, blocks in their order, in a folder of their own: Python blocks share
their names, `console` blocks run the program, a `toml` block that begins with the name of a file is
written to it. Other pages and the README start from the files that the tutorial leaves behind. A
block below the line `<!-- not run -->` is left out.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, get_args

import pytest
import typer
from compiled_code import compiled_pages

from lossatlas.atlas import schema
from lossatlas.errors import ADVICE, Status
from lossatlas.program import app
from lossatlas.studies.study import Study, load_study

REPOSITORY = Path(__file__).parent.parent
DOCS = REPOSITORY / "docs"
README = REPOSITORY / "README.md"
PAGES = [README, *sorted(DOCS.glob("*.md"))]
NOT_RUN = "<!-- not run -->"
FENCE = re.compile(
    rf"(?P<mark>{NOT_RUN}\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)
SHORTER = {
    r"\bminutes=[\d.]+": "transition_states=3",
    "--transition-states 1000": "--transition-states 18",
}
"""What takes minutes, or goes on until nothing new turns up, ends as soon as enough is there."""

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
OPTIONS = {
    name: {option for parameter in command.params for option in parameter.opts if option[0] == "-"}
    for name, command in COMMANDS.items()
}
HELP = {"--help", "-h"}


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    text: str
    line: int
    runs: bool


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            found["language"],
            found["text"],
            text.count("\n", 0, found.start("text")) + 1,
            found["mark"] is None,
        )
        for found in FENCE.finditer(text)
    ]


def typed(block: Block) -> list[str]:
    """The command lines of a console block."""
    return [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]


def runs_python(page: Path) -> bool:
    return any(block.language == "python" and block.runs for block in blocks(page))


RUNNER = """
import shlex, subprocess, sys, types
from pathlib import Path

def lossatlas(line):
    command = [sys.executable, "-m", "lossatlas", *shlex.split(line)[1:]]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, f"{line}: {ran.stdout}{ran.stderr}"

sys.modules["page"] = types.ModuleType("page")
names = vars(sys.modules["page"])
"""
"""What a page needs besides its blocks; they are a module, whose functions can be pickled."""


def shorter(text: str) -> str:
    for long, short in SHORTER.items():
        text = re.sub(long, short, text)
    return text


def script(page: Path) -> str:
    """A page as a program; the blocks are compiled with their names, for tracebacks."""
    steps = [RUNNER]
    for block in blocks(page):
        where = f"{page.name}, block at line {block.line}"
        if block.language == "python" and block.runs:
            steps.append(f"exec(compile({shorter(block.text)!r}, {where!r}, 'exec'), names)")
        elif block.language == "console" and block.runs:
            steps += [f"lossatlas({shorter(line)!r})" for line in typed(block)]
        elif block.language == "toml" and (named := re.match(r"# (\w+\.toml)\n", block.text)):
            steps.append(f"Path({named[1]!r}).write_text({block.text!r})")
    return "\n".join(steps)


@pytest.fixture(scope="session")
def call(pytestconfig) -> Callable[..., str]:
    """Run Python and give back what it prints; compiled code is kept for the other pages."""
    environment = {**os.environ, "MPLBACKEND": "agg", **compiled_pages(pytestconfig)}

    def run(*arguments: object, folder: Path | None = None) -> str:
        command = [sys.executable, *map(str, arguments)]
        ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    return run


@pytest.fixture(scope="session")
def toured(call, tmp_path_factory) -> Path:
    """The folder in which the tutorial was followed."""
    folder = tmp_path_factory.mktemp("tutorial")
    call("-c", script(DOCS / "tutorial.md"), folder=folder)
    return folder


def test_the_tutorial_is_true(toured, call):
    assert (toured / "clouds.png").stat().st_size > 10_000
    text = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    table = text.split("$ lossatlas minima")[1].split("```")[0]
    shown = sorted(float(loss) for loss in re.findall(r"0\.\d{10}", table))
    found = json.loads(call("-m", "lossatlas", "minima", toured / "clouds.atlas", "--json"))
    assert shown == pytest.approx([minimum["loss"] for minimum in found], abs=1e-9)


@pytest.mark.parametrize(
    "page", [p for p in PAGES if runs_python(p) and p.stem != "tutorial"], ids=lambda p: p.name
)
def test_python_blocks_run(page, call, toured, tmp_path):
    shutil.copytree(toured, tmp_path, dirs_exist_ok=True)
    (tmp_path / "examples").mkdir()
    for name in ("clouds.toml", "clouds.csv"):
        target = name.replace("clouds.toml", "d2.toml")
        shutil.copy(toured / name, tmp_path / "examples" / target)
    call("-c", script(page), folder=tmp_path)


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


@pytest.mark.parametrize("name", ["status", "minima", "transition-states", "verify", "auc"])
def test_every_field_of_json_is_described(name, toured, tmp_path, call):
    atlas = shutil.copy(toured / "clouds.atlas", tmp_path)
    described = section(DOCS / "cli.md", f"`{name}`")
    printed: Any = json.loads(call("-m", "lossatlas", name, atlas, "--json"))
    for field in printed[0] if isinstance(printed, list) else printed:
        assert f"`{field}`" in described, field


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


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)


def section(page: Path, heading: str) -> str:
    """What stands below a heading, up to the next one of its level."""
    text = page.read_text(encoding="utf-8")
    found = re.search(rf"^(?P<level>#+) {re.escape(heading)}\n", text, re.M)
    assert found is not None, f"{page.name} has no heading {heading}"
    end = re.compile(rf"^#{{1,{len(found['level'])}}} ", re.M).search(text, found.end())
    return text[found.end() : end.start() if end else None]


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
