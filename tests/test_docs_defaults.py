"""The page of defaults says what stands in the code, and leaves nothing out that can be set."""

import dataclasses
import importlib
import json
import re
from typing import Any, get_args

import numpy as np
import pytest
from docs_text import DOCS, section

from lossatlas.studies.study import Study

PAGE = DOCS / "defaults.md"
FAMILIES = ("dense", "factorized", "matrix-free")
PARTS = ("quench", "polish", "climb", "flow", "band")
OF_THE_DEVICE = {"quench.refresh", "polish.products", *(f"{part}.steps" for part in PARTS)}
"""What follows from the device or from the cost of a Hessian; the page says so."""


def rows(heading: str) -> list[list[str]]:
    """The rows of the tables below a heading, as cells."""
    lines = re.findall(r"^\| (`.*) \|$", section(PAGE, heading), re.M)
    return [line.split(" | ") for line in lines]


def shown(value: Any) -> str:
    """A value as the page writes it."""
    if isinstance(value, tuple | list):
        return ", ".join(map(shown, value))
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if value >= 10_000 else str(value)


def named(name: str) -> Any:
    """What a dotted name inside of the package stands for."""
    parts = name.split(".")
    for k in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(["lossatlas", *parts[:k]]))
        except ModuleNotFoundError:
            continue
        for part in parts[k:]:
            found = getattr(found, part)
        return found
    raise AssertionError(name)


@pytest.fixture(scope="module")
def tools() -> dict[str, Any]:
    """The tools of each family for the paper's network."""
    import lossatlas as la

    inputs, labels = np.linspace(0.1, 2.0, 40).reshape(20, 2), np.arange(20) % 4
    landscape = la.NetworkLandscape(inputs, labels, (10,), 1e-4)
    return {family: la.default_tools(landscape, family) for family in FAMILIES}


def test_keys_of_a_study():
    models = [("data", model) for model in get_args(Study.model_fields["data"].annotation)]
    tables = ("noise", "network", "loss", "explore")
    models += [(table, Study.model_fields[table].annotation) for table in tables]
    expected = set()
    for table, model in models:
        for key, field in model.model_fields.items():  # type: ignore[union-attr]
            if not field.is_required():
                plain = list(field.default) if isinstance(field.default, tuple) else field.default
                default = "none" if plain is None else f"`{json.dumps(plain)}`"
                expected.add((f"`[{table}] {key}`", default))
    assert {tuple(row) for row in rows("What you set in a study")} == expected


def test_lengths_of_a_search(tools):
    parts = {"landscape", "known", *PARTS}
    found = {row[0].strip("`"): row[1:4] for row in rows("Lengths of a search")}
    assert set(found) == set(tools["dense"]._fields) - parts
    for name, values in found.items():
        assert values == [shown(getattr(tools[family], name)) for family in FAMILIES], name


def test_options_of_the_methods(tools):
    expected: dict[str, dict[str, str]] = {}
    for family in FAMILIES:
        for part in PARTS:
            options = getattr(tools[family], part)
            for field in dataclasses.fields(options):
                value = shown(getattr(options, field.name))
                expected.setdefault(f"{part}.{field.name}", {})[family] = value
    found = {row[0].strip("`"): row[1:4] for row in rows("Options of the methods")}
    assert set(found) == set(expected) - OF_THE_DEVICE
    for name, values in found.items():
        assert values == [expected[name].get(family, "-") for family in FAMILIES], name


def test_constants():
    found = rows("Constants")
    assert len(found) > 60
    for name, value, _ in found:
        assert value == shown(named(name.strip("`"))), name
