"""Pages of the documentation as programs: their blocks, and what runs them.

Pages run as they are read, blocks in their order, in a folder of their own: Python blocks share
their names, `console` blocks run the program, a `toml` block that begins with the name of a file is
written to it. A block below the line `<!-- not run -->` is left out. A `text` block is what the
Python block before it prints.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

NOT_RUN = "<!-- not run -->"
FENCE = re.compile(
    rf"(?P<mark>{NOT_RUN}\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)
SHORTER = {
    r"\bminutes=[\d.]+": "transition_states=3",
    "--transition-states 1000": "--transition-states 10",
}
"""What takes minutes, or goes on until nothing new turns up, ends as soon as enough is there."""

RUNNER = Path(__file__).parent / "page_runner.py"


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    text: str
    line: int
    runs: bool


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in their order."""
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
    """Whether a page has Python to run."""
    return any(block.language == "python" and block.runs for block in blocks(page))


def shorter(text: str) -> str:
    """A block with smaller budgets."""
    for long, short in SHORTER.items():
        text = re.sub(long, short, text)
    return text


def steps(page: Path, change: Callable[[str], str] = shorter) -> list[dict[str, Any]]:
    """What is done to follow a page: see `page_runner.py`."""
    done: list[dict[str, Any]] = []
    for block in blocks(page):
        where = f"{page.name}, block at line {block.line}"
        if block.language == "python" and block.runs:
            done.append({"do": "python", "text": change(block.text), "where": where})
        elif block.language == "console" and block.runs:
            lines = [change(line) for line in typed(block)]
            done += [{"do": "console", "text": line, "where": where} for line in lines]
        elif block.language == "toml" and (named := re.match(r"# (\w+\.toml)\n", block.text)):
            done.append({"do": "write", "text": block.text, "where": named[1]})
    return done


def shown_outputs(page: Path) -> dict[str, str]:
    """The `text` blocks that follow a Python block, by where that block stands."""
    found, last = {}, None
    for block in blocks(page):
        if block.language == "text" and last is not None:
            found[last] = block.text
        runs = block.language == "python" and block.runs
        last = f"{page.name}, block at line {block.line}" if runs else None
    return found


class Followed(NamedTuple):
    """What became of a page.

    Attributes:
        printed: what each Python block printed, by where it stands.
        error: the traceback of the block that failed; empty if none did.
    """

    printed: dict[str, str]
    error: str


def follow(
    tours: Sequence[tuple[Path, list[dict[str, Any]]]], environment: dict[str, str]
) -> list[Followed]:
    """Follow pages one after the other in one process, each in its folder (folder, steps)."""
    given = [{"folder": str(folder), "steps": todo} for folder, todo in tours]
    ran = subprocess.run(
        [sys.executable, RUNNER],
        input=json.dumps(given),
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return [Followed(**each) for each in json.loads(ran.stdout.splitlines()[-1])]
