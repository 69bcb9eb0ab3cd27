"""What is added to pages when they are built: every message with its remedy, and ways back."""

import ast
import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from docs_text import DOCS, REPOSITORY

PASSED_ON = {
    "tree_command.py",  # adds the name of the option to what the drawing says
    "function_checks.py",  # the words of JAX
    "messages.py",  # those of pydantic's checks
    "reading.py",  # adds the name of the study
    "toml_file.py",  # the usual slips, which are found by themselves
}
"""Files with one error that passes on the words of another one, or of a library."""


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    spec: Any = importlib.util.spec_from_file_location("hooks", REPOSITORY / "mkdocs_hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found(hooks) -> list[Any]:
    return hooks.messages()


def test_every_error_of_the_code_is_found(hooks, found):
    """Counted independently: calls of the errors with three arguments or more, anywhere."""
    calls = [
        node
        for path in hooks.PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", None) in hooks.ERRORS
        and len(node.args) >= 3
    ]
    assert len({message.place for message in found}) == len(calls) > 400


def test_messages_have_words(found):
    """Only those that pass a message on have none of their own."""
    silent = [Path(m.place.rsplit(":", 1)[0]).name for m in found if m.passed_on]
    assert sorted(silent) == sorted(PASSED_ON)


def test_every_package_has_a_subject(hooks, found):
    subjects = {package for packages in hooks.SUBJECTS.values() for package in packages}
    assert {message.package for message in found} - subjects <= {"errors.py", "optional.py"}


def test_the_page_has_every_message(hooks, found):
    page = (DOCS / "messages.md").read_text(encoding="utf-8")
    assert page.count(hooks.MARKER) == 1
    built = page.replace(hooks.MARKER, hooks.tables(found))
    assert "| `` it has no weights `` | `` use atlas.network(with_weights=True) `` |" in built
    subjects = {package for packages in hooks.SUBJECTS.values() for package in packages}
    for message in found:
        if message.package in subjects and not message.passed_on:
            assert hooks._cell(message.problem, hooks.SYSTEM) in built, message.place


def test_words_of_a_message(hooks, tmp_path: Path):
    text = """
def check(n, kind):
    where, remedy = "file", "use " + ("one" if kind else f"{n} of them")
    _, lasting = other(n)
    if kind:
        problem = f"there are {n} | more"
    else:
        problem = "there are none"
    raise BadInputError(where, problem, remedy + lasting)


def other(n):
    if n:
        return n, ", without end"
    return n, ", for now"
"""
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "file.py").write_text(text, encoding="utf-8")
    (message,) = hooks.messages(tmp_path)
    assert message.package == "part"
    assert message.problem == "there are … | more\nthere are none"
    endings = (", without end", ", for now")
    assert set(message.remedy.split(hooks.OR)) == {
        f"use {how_many}{ending}" for how_many in ("one", "… of them") for ending in endings
    }


def built(hooks, page: str, text: str) -> str:
    there = SimpleNamespace(src_uri=page, abs_src_path=str(DOCS / page))
    return hooks.on_page_markdown(text, SimpleNamespace(file=there))


@pytest.mark.parametrize(
    ("page", "leads_back"),
    [("results/table-4.md", True), ("results/index.md", False), ("index.md", False)],
)
def test_pages_beside_the_results_lead_back(hooks, page, leads_back):
    text = (DOCS / page).read_text(encoding="utf-8")
    title = text.splitlines()[0]
    assert built(hooks, page, text).startswith(f"{title}\n\n{hooks.WAY_BACK}\n") == leads_back
    assert (hooks.WAY_BACK in built(hooks, page, text)) == leads_back


@pytest.mark.parametrize(
    ("page", "picture", "opened"),
    [
        ("index.md", "images/d1.png", "images/d1.png"),
        ("results/index.md", "figure-6.png", "figure-6.svg"),
    ],
)
def test_pictures_open_at_their_full_size(hooks, page, picture, opened):
    assert built(hooks, page, f"![A tree]({picture})") == f"[![A tree]({picture})]({opened})"
    assert built(hooks, page, f"See ![it]({picture}).") == f"See ![it]({picture})."
