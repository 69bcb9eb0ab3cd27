"""The paper stands apart: it uses names that every user may use, and the toolkit of commands."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import lossatlas

PAPER = Path(lossatlas.__file__).parent / "paper"
PUBLIC_PACKAGES = {
    f"lossatlas.{name}" for name in lossatlas.__all__ if (PAPER.parent / name).is_dir()
}
TOOLKIT = "lossatlas.cli"
"""For commands of other packages: what this package lists, and none of its modules."""


def not_public(source: str) -> Iterator[str]:
    """What a module takes from lossatlas that is not public, and private attributes of others."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("lossatlas"))
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                yield "." * node.level + module
            elif module.split(".")[0] == "lossatlas" and not _within_the_paper(module):
                yield from (f"{module}.{a.name}" for a in node.names if not _public(module, a.name))
        elif isinstance(node, ast.Attribute) and _is_private(node):
            yield f"attribute {node.attr}"


def _within_the_paper(module: str) -> bool:
    return f"{module}.".startswith("lossatlas.paper.")


def _public(module: str, name: str) -> bool:
    offers = {"lossatlas", "lossatlas.errors", TOOLKIT} | PUBLIC_PACKAGES
    return module in offers and name in import_module(module).__all__


def _is_private(node: ast.Attribute) -> bool:
    """Of a named tuple some public names begin so; and a class may use its own."""
    allowed = {"_asdict", "_replace", "_fields", "_make", "__name__"}
    own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    return node.attr.startswith("_") and not own and node.attr not in allowed


@pytest.mark.parametrize("path", sorted(PAPER.glob("*.py")), ids=lambda path: path.name)
def test_the_paper_uses_public_names_only(path):
    assert list(not_public(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "from lossatlas.atlas.store import Atlas",
        "from lossatlas.analysis.funnels import funnel",
        "from lossatlas.analysis import sequence_bottoms",
        "from lossatlas.cli.output import counted",
        "from lossatlas.cli import write_anything",
        "from lossatlas import atlas",
        "import lossatlas.studies.study",
        "from ..atlas import Atlas",
        "def later():\n    from lossatlas.atlas import Atlas",
        "found = atlas._engine",
    ],
)
def test_what_is_not_public_is_noticed(source):
    assert list(not_public(source))


@pytest.mark.parametrize(
    "source",
    [
        "from lossatlas import Atlas, BadInputError, analysis",
        "from lossatlas.errors import Status",
        "from lossatlas.analysis import funnel",
        "from lossatlas.cli import counted, ended_cleanly",
        "from lossatlas.paper.cell import Cell",
        "found = cell._replace(seed=self._seed)",
    ],
)
def test_what_is_public_may_be_used(source):
    assert list(not_public(source)) == []


def test_every_public_name_can_be_had_and_says_what_it_is():
    for package in ("lossatlas", "lossatlas.errors", TOOLKIT, *sorted(PUBLIC_PACKAGES)):
        module = import_module(package)
        assert module.__doc__
        for name in module.__all__:
            found = getattr(module, name)
            if inspect.isclass(found) or inspect.isfunction(found):
                assert found.__doc__, f"{package}.{name}"
