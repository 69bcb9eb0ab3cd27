"""Docstrings are written so that the pages made from them show what is meant."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "lossatlas"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.stem)
def test_examples_are_in_the_section_that_is_shown_as_code(path):
    """`Example:` is a remark to the generator of the pages, and `>>>` in it nested quotations."""
    for node in ast.walk(ast.parse(path.read_text())):
        text = ast.get_docstring(node) if isinstance(node, DOCUMENTED) else None
        if text and ">>>" in text:
            assert re.search(r"^Examples:$", text, re.MULTILINE), text
            assert not re.search(r"^Example:$", text, re.MULTILINE), text
