"""The same seed gives the same atlas as it did: points, links, and the searches in their order.

The file was written by version 0.1 before strategies became records. A change that is meant to
change what is explored has to write it anew.
"""

import json
from pathlib import Path

import numpy as np

from lossatlas.atlas import Atlas, Problem
from lossatlas.exploration import ExploreOptions, grow
from lossatlas.landscape import FunctionLandscape

REFERENCE = json.loads((Path(__file__).parent / "tilted_camel.json").read_text())


def tilted_camel(w):
    """The six-hump camel without its symmetry, so that no two energies are equal."""
    x, y = w
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + 4 * (y**2 - 1) * y**2 + 0.1 * x - 0.03 * y


def test_a_function_of_two_variables_is_explored_as_it_was(tmp_path):
    landscape = FunctionLandscape(tilted_camel, [-2.0, -1.5], [2.0, 1.5], "tilted camel")
    with Atlas.create(tmp_path / "camel.atlas", Problem({"function": "tilted camel"})) as atlas:
        grow(landscape, atlas, ExploreOptions(transition_states=5, seed=1))
        minima, states, log = atlas.minima(), atlas.transition_states(), atlas.attempts()
    np.testing.assert_allclose(minima["loss"], REFERENCE["minima"], atol=1e-10)
    found = states[["loss", "minimum_1", "minimum_2"]].to_numpy()
    np.testing.assert_allclose(found, REFERENCE["transition_states"], atol=1e-10)
    names = [(*row[:2], *map(str, row[2:])) for row in map(parts, log.itertuples())]
    assert [" | ".join(name) for name in names] == REFERENCE["attempts"]


def parts(row):
    return row.strategy, " ".join(map(str, row.origin)), row.what, row.part, row.status
