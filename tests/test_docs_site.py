"""The pages hang together: links lead somewhere, no page is lost, tables and blocks are whole."""

import re
from pathlib import Path

import pytest
from docs_text import DOCS, README, REPOSITORY, headings, prose
from pages import blocks

ALL = sorted(path for path in DOCS.rglob("*.md") if "cells" not in path.parts)
OTHERS = [README, *(REPOSITORY / name for name in ("CONTRIBUTING.md", "CHANGELOG.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
LONGEST_CODE = 100
"""Characters of a line of code, as for the linters."""
FIRST_COMMANDS = 60
"""Characters of a command on the first page: more are cut off, or wrapped, in a narrow window."""


def links(page: Path) -> list[str]:
    return [link for link in LINK.findall(prose(page)) if "://" not in link]


def anchors(page: Path) -> set[str]:
    """Ids of the headings and of the names of the reference, as the generator makes them."""
    names = re.findall(r"^::: ([\w.]+)$", page.read_text(encoding="utf-8"), re.M)
    return {slug(one) for one in headings(page)} | set(names)


def slug(heading: str) -> str:
    """The id of a heading, as Python-Markdown makes it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def navigation() -> list[str]:
    """The pages of the navigation, in order."""
    settings = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8")
    nav = settings.split("\nnav:\n")[1].split("\n\n")[0]
    return re.findall(r"(\S+\.md)$", nav, re.M)


@pytest.mark.parametrize("page", [*ALL, *OTHERS], ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page):
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


def test_every_page_is_in_the_navigation():
    """Only the pages of results are not: the first of them leads to the others."""
    listed = navigation()
    there = {str(page.relative_to(DOCS)) for page in ALL}
    assert set(listed) <= there
    assert len(listed) == len(set(listed))
    results = DOCS / "results"
    assert {page for page in there if not page.startswith("results/")} <= set(listed)
    reached, rest = set(), ["index.md"]
    while rest:
        name = rest.pop()
        if name not in reached:
            reached.add(name)
            rest += [one.partition("#")[0] for one in links(results / name) if ".md" in one]
    assert {page.name for page in ALL if page.parent == results} <= reached


@pytest.mark.parametrize("page", [*ALL, *OTHERS], ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_tables_are_whole(page):
    """A row apart from its table, or with another number of cells, is shown as text."""
    table: list[int] = []
    text = re.sub(r"^\$\$\n.*?^\$\$$", "", prose(page), flags=re.M | re.S)  # formulas
    for line in [*text.splitlines(), ""]:
        if not line.startswith("|"):
            if table:
                assert len(table) > 2, f"{page.name}: above {line!r}"
                assert len(set(table)) == 1, f"{page.name}: above {line!r}"
            table = []
            continue
        plain = re.sub(r"`[^`]*`|\$[^$]*\$", "code", line).replace(r"\|", "")
        table.append(plain.count("|"))
        if len(table) == 2:
            assert set(line) <= set("|-: "), f"{page.name}: {line}"


@pytest.mark.parametrize("page", [*ALL, *OTHERS], ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_files_and_benchmarks_that_are_named_exist(page):
    text = page.read_text(encoding="utf-8")
    if page.name != "CHANGELOG.md":  # that of an older version may name what is gone
        for name in re.findall(r"[`\s]((?:tests|benchmarks|src|examples|docs)/[\w./-]*\w)", text):
            assert (REPOSITORY / name).exists(), name
        for name in re.findall(r"python -m (benchmarks[\w.]*)", text):
            module = REPOSITORY / name.rstrip(".").replace(".", "/")
            assert module.with_suffix(".py").exists() or (module / "__main__.py").exists(), name


@pytest.mark.parametrize("page", ALL, ids=lambda p: str(p.relative_to(DOCS)))
def test_a_page_has_one_title_and_its_code_is_not_cut_off(page):
    assert len(re.findall(r"^# ", prose(page), re.M)) == 1
    for block in blocks(page):
        if block.language == "python":
            assert max(map(len, block.text.splitlines())) <= LONGEST_CODE


def test_the_first_page_has_pictures_and_short_commands():
    page = DOCS / "index.md"
    assert len(re.findall(r"^!\[", page.read_text(encoding="utf-8"), re.M)) >= 2
    lines = [line for block in blocks(page) for line in block.text.splitlines()]
    assert lines
    assert max(map(len, lines)) <= FIRST_COMMANDS
