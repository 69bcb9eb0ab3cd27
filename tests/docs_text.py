"""The pages of the documentation as text: their prose, headings and sections."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
DOCS = REPOSITORY / "docs"
README = REPOSITORY / "README.md"


def prose(page: Path) -> str:
    """A page without its blocks."""
    text = page.read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)


def section(page: Path, heading: str) -> str:
    """What stands below a heading, up to the next one of its level."""
    text = page.read_text(encoding="utf-8")
    found = re.search(rf"^(?P<level>#+) {re.escape(heading)}\n", text, re.M)
    assert found is not None, f"{page.name} has no heading {heading}"
    end = re.compile(rf"^#{{1,{len(found['level'])}}} ", re.M).search(text, found.end())
    return text[found.end() : end.start() if end else None]
