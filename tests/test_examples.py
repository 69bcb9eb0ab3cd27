"""The examples of docstrings give what they say; `np` is NumPy in all of them."""

import doctest
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "lossatlas"
EXPLORING = {
    "lossatlas",
    "lossatlas.exploration.explorer",
    "lossatlas.exploration.verification",
    "lossatlas.exploration.view",
    "lossatlas.interop.importing",
    "lossatlas.parts.activation",
    "lossatlas.parts.output_loss",
    "lossatlas.parts.registry",
    "lossatlas.search.transition_states",
    "lossatlas.studies.exploring",
}
"""Modules whose examples explore a landscape or check derivatives: it takes seconds to compile."""
EXTRAS = {"lossatlas.interop.graphs": "networkx"}
"""Modules whose examples need a library that is not installed with the tests."""
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        if any(">>>" in line and "+SKIP" not in line for line in text.splitlines()):
            yield pytest.param(name, marks=pytest.mark.slow if name in EXPLORING else ())


@pytest.mark.parametrize("name", list(modules()))
def test_examples(name):
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name])
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        pytest.skip(f"{error.name} is not installed")
    found = doctest.testmod(module, optionflags=FLAGS, extraglobs={"np": np})
    assert found.attempted
    assert not found.failed
