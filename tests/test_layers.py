"""The import arrow: a package imports only from packages to its left, and no module in a circle."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "lossatlas"
ORDER = [
    "parts",
    "landscape",
    "lanes",
    "kernels",
    "data",
    "search",
    "distribution",
    "network",
    "atlas",
    "analysis",
    "exploration",
    "studies",
    "interop",
    "plots",
    "browser",
    "cli",
    "paper",
    "testing",
]
FOR_ALL = {
    "box",
    "compiled",
    "errors",
    "given_data",
    "labels",
    "old_names",
    "optional",
    "shown",
    "typing",
}


def imports(path: Path) -> set[str]:
    """Full names of the modules of this package that a file imports, at whatever depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lossatlas"):
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("lossatlas")}
    return {name for name in found if _file(name) is not None}


def _file(name: str) -> Path | None:
    path = PACKAGE.parent.joinpath(*name.split("."))
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    return path / "__init__.py" if (path / "__init__.py").is_file() else None


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_to_the_left(path):
    own = path.relative_to(PACKAGE).parts[0]
    for name in imports(path):
        parts = name.split(".")
        if len(parts) > 1 and parts[1] not in FOR_ALL:
            assert ORDER.index(parts[1]) <= ORDER.index(own), f"{path.name} imports {name}"


def test_no_cycles():
    graph = {}
    for path in MODULES:
        name = "lossatlas." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        if not name.endswith("__init__"):
            graph[name] = {n for n in imports(path) if (f := _file(n)) and f.name != "__init__.py"}
    done, path_so_far = set(), []

    def visit(name):
        assert name not in path_so_far, " -> ".join([*path_so_far, name])
        if name in done:
            return
        path_so_far.append(name)
        for other in graph.get(name, ()):
            visit(other)
        path_so_far.pop()
        done.add(name)

    for name in graph:
        visit(name)


@pytest.mark.parametrize(
    "package", sorted(p.name for p in PACKAGE.iterdir() if (p / "__init__.py").exists())
)
def test_the_architecture_names_every_file(package):
    page = (PACKAGE.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    row = next(line for line in rows if f"`{package}`" in line.split("|")[1])
    names = {path.stem for path in (PACKAGE / package).rglob("*.py")} - {"__init__"}
    missing = {name for name in names if f"`{name}`" not in row}
    assert not missing or package in ("interop", "plots", "cli", "paper", "testing"), missing
