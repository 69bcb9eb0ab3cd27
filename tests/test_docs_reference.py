"""The reference: no name twice, and no docstring that the generator reads otherwise."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from docs_text import DOCS, REPOSITORY

PAGES = sorted((DOCS / "reference").glob("*.md"))
KINDS = {"text", "parameters", "attributes", "returns", "raises", "warns", "examples", "yields"}
"""Sections that the generator shows as what they are; others become remarks."""


def entries(page: Path) -> list[str]:
    """The names that a page shows: of a module those that are listed."""
    found = []
    text = page.read_text(encoding="utf-8")
    for name, rest in re.findall(r"^::: ([\w.]+)\n((?:    .*\n)*)", text + "\n", re.M):
        members = re.search(r"members: \[(.*)\]", rest)
        module = (REPOSITORY / "src" / name.replace(".", "/")).with_suffix(".py").exists()
        found += (
            [f"{name}.{one}" for one in members[1].split(", ")] if members and module else [name]
        )
    return found


SHOWN = [name for page in PAGES for name in entries(page)]


def test_no_name_is_shown_twice():
    assert len(SHOWN) == len(set(SHOWN))


def test_the_overview_leads_to_every_page_of_the_reference():
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    assert all(f"(reference/{one.name})" in page for one in PAGES)


@cache
def parsed(module: str) -> Any:
    griffe = pytest.importorskip("griffe", reason="the generator of the pages is not installed")
    path = (REPOSITORY / "src" / module.replace(".", "/")).with_suffix(".py")
    return griffe.visit(module, path, path.read_text(encoding="utf-8"))


def documented(name: str) -> list[Any]:
    """The object of a name and its public members, as the generator parses them."""
    parts = name.split(".")
    k = next(
        k
        for k in range(len(parts), 0, -1)
        if (REPOSITORY / "src" / "/".join(parts[:k])).with_suffix(".py").exists()
    )
    found = parsed(".".join(parts[:k]))
    for part in parts[k:]:
        found = found.members[part]
    members = getattr(found, "members", {}).values()
    public = [one for one in members if not one.name.startswith("_") and not one.is_alias]
    return [one for one in (found, *public) if one.docstring is not None]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_docstrings_have_no_stray_section(page):
    """An example in a section of another name would be shown as nested quotations."""
    for name in entries(page):
        for one in documented(name):
            for part in one.docstring.parse("google", warnings=False):
                assert part.kind.value in KINDS, f"{one.path}: {part.kind.value} {part.title}"
                if part.kind.value == "text":
                    assert ">>>" not in part.value, one.path
                    assert not re.search(r"^[A-Z]\w+:$", part.value, re.M), one.path
                elif part.kind.value == "examples":
                    assert any(kind.value == "examples" for kind, _ in part.value), one.path
