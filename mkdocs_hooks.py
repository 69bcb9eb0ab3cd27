"""What is added to pages when they are built: the list of all messages, ways back, large pictures.

The page `messages.md` has a marker in place of its tables. They are made of the code, as it is
read, not run: every place that makes an error with its problem and its remedy. Pages that stand
beside the page of all results, and not in the navigation, lead back to it below their title. A
picture that stands by itself is a link to the picture alone, on which a reader with a small window
can zoom in; it is the scalable one where there is one.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = Path(__file__).parent / "src" / "lossatlas"
MARKER = "<!-- all messages -->"
PICTURE = re.compile(r"^!\[[^\]]*\]\((?P<name>[^)]+)\.png\)$", re.M)
TITLE = re.compile(r"\A# .+$", re.M)
RESULTS, WAY_BACK = "results", "[← The paper, reproduced](index.md)"
ERRORS = {
    "BadInputError",
    "AtlasError",
    "ClusterError",
    "ConnectionLostError",
    "OtherLandscapeError",
    "Slip",
}
"""Their arguments are where, the problem and the remedy; a slip is a usual mistake in TOML."""

SUBJECTS = {
    "Data": ("data", "given_data.py", "labels.py"),
    "Studies": ("studies",),
    "Landscapes, networks and functions": ("landscape", "parts", "testing", "box.py"),
    "Exploring and verifying": ("exploration", "search", "kernels", "lanes"),
    "The atlas": ("atlas",),
    "Clusters": ("distribution",),
    "Networks of points and other programs": ("network", "interop"),
    "Pictures, the browser and analysis": ("plots", "browser", "analysis"),
    "The command line": ("cli", "program.py", "__main__.py"),
    "The paper": ("paper",),
}
"""Headings of the page, and the packages whose messages stand below each."""

ANYTHING = "…"
"""Stands for what is known only when the message is made."""

OR = "\n"
"""Between words that a message may have in the same place."""

DEEPEST = 3
"""Names that stand for other names are followed so far."""

SYSTEM, IN_WORDS = "*the words of the system or of a library*", "*what the message says*"
"""Stand for a problem and for a remedy of which nothing is known beforehand."""

Tuples = dict[Any, list[ast.Tuple]]


class Message(NamedTuple):
    """One place that makes an error.

    Attributes:
        place: the file and the line, for messages of tests.
        package: the package or the module inside of `lossatlas`.
        problem: what is wrong, with `ANYTHING` for what is filled in.
        remedy: what to do, likewise.
    """

    place: str
    package: str
    problem: str
    remedy: str

    @property
    def passed_on(self) -> bool:
        """Whether it is a message of another place, to which something is added."""
        return not (_said(self.problem) or _said(self.remedy))


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Add to a page what is made when it is built; called by MkDocs for every page."""
    folder, _slash, name = page.file.src_uri.rpartition("/")
    if folder == RESULTS and name != "index.md":
        markdown = TITLE.sub(rf"\g<0>\n\n{WAY_BACK}", markdown, count=1)
    if MARKER in markdown:
        markdown = markdown.replace(MARKER, tables(messages()))
    return PICTURE.sub(partial(_opened, Path(page.file.abs_src_path).parent), markdown)


def _opened(folder: Path, picture: re.Match[str]) -> str:
    """A picture as a link to the picture alone."""
    scalable = f"{picture['name']}.svg"
    target = scalable if (folder / scalable).exists() else f"{picture['name']}.png"
    return f"[{picture[0]}]({target})"


def messages(package: Path = PACKAGE) -> list[Message]:
    """All messages of the errors of a package, in the order of its files."""
    paths = sorted(package.rglob("*.py"))
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    handed_over = _tuples_returned(trees.values())
    found = []
    for path, tree in trees.items():
        name = path.relative_to(package).parts[0]
        constants = _assigned(tree.body, handed_over)
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        inside = {id(node): function for function in functions for node in ast.walk(function)}
        for call in filter(_makes_message, ast.walk(tree)):
            assert isinstance(call, ast.Call)
            own = inside.get(id(call))
            assigned = _assigned(ast.walk(own), handed_over) if own else {}
            problem, remedy = (_words(part, {**constants, **assigned}) for part in call.args[1:3])
            found.append(Message(f"{path}:{call.lineno}", name, problem, remedy))
    return found


def _tuples_returned(trees: Iterable[ast.Module]) -> Tuples:
    """By the name of a function, the tuples that it returns."""
    found: Tuples = {}
    for function in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                    found.setdefault(function.name, []).append(node.value)
    return found


def _makes_message(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and (
        getattr(node.func, "id", None) in ERRORS and len(node.args) >= 3
    )


def _assigned(nodes: Iterable[ast.AST], handed_over: Tuples) -> dict[str, list[ast.expr]]:
    """What names may stand for: all that is assigned to each in some statements."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            called = getattr(getattr(node.value, "func", None), "id", None)
            for value in handed_over.get(called, [node.value]):
                for target in node.targets:
                    for name, part in _pairs(target, value):
                        found.setdefault(name, []).append(part)
    return found


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, part in zip(target.elts, value.elts, strict=False):
            yield from _pairs(one, part)


def _words(node: ast.expr, assigned: dict[str, list[ast.expr]]) -> str:
    """The words of an expression that makes a text; alternatives are separated by `OR`."""
    return OR.join(_alternatives(node, assigned))


def _alternatives(node: ast.expr, assigned: dict[str, list[ast.expr]], depth: int = 0) -> list[str]:
    if isinstance(node, ast.Constant):
        return [str(node.value)] if node.value else []
    if isinstance(node, ast.JoinedStr):
        return ["".join(_words(part, {}) for part in node.values)]
    parts: list[ast.expr] = []
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [_alternatives(side, assigned, depth) for side in (node.left, node.right)]
        return [first + second for first in sides[0] for second in sides[1]]
    if isinstance(node, ast.IfExp):
        parts = [node.body, node.orelse]
    elif isinstance(node, ast.Name) and depth < DEEPEST:
        parts = assigned.get(node.id, [])
    said = [words for part in parts for words in _alternatives(part, assigned, depth + 1)]
    return list(dict.fromkeys(said)) or [ANYTHING]


def tables(found: list[Message]) -> str:
    """A table for each subject, without repetitions, sorted by the problem."""
    parts = []
    for subject, packages in SUBJECTS.items():
        there = [one for one in found if one.package in packages and not one.passed_on]
        rows = {(_cell(m.problem, SYSTEM), _cell(m.remedy, IN_WORDS)) for m in there}
        lines = [f"## {subject}", "", "| what is wrong | what to do |", "| --- | --- |"]
        lines += [f"| {problem} | {remedy} |" for problem, remedy in sorted(rows, key=_by_words)]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _by_words(row: tuple[str, str]) -> str:
    return row[0].lower().strip("`… '\"")


def _said(words: str) -> bool:
    """Whether there is a word that is known beforehand."""
    return any(letter.isalnum() for letter in words)


def _cell(words: str, otherwise: str) -> str:
    """A text as code, whatever it holds; alternatives follow each other."""
    if not _said(words):
        return otherwise
    parts = [" ".join(part.split()).replace("``", "'") for part in words.split(OR)]
    return "<br>or ".join(f"`` {part} ``" for part in parts if part).replace("|", r"\|")
