"""The landscape that the Fortran programs mapped in six minutes, mapped again.

Everything they found must be found, matched by weights up to symmetry after polishing, never by
loss; links must be those of gradient flow (flow.csv), not those of the programs where these differ.
"""

import numpy as np
import pandas as pd
import pytest

from lossatlas.atlas import Atlas, Problem, schema
from lossatlas.atlas.matching import Known
from lossatlas.exploration import ExploreOptions, grow, verify
from lossatlas.interop.pathsample import read_database
from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.certify import certified
from lossatlas.search.tools import default_tools


@pytest.fixture(scope="module")
def peer(shared):
    return shared / "peer" / "d2"


@pytest.fixture(scope="module")
def landscape(peer):
    data = np.load(peer / "data.npz")
    return NetworkLandscape(data["inputs"][:1000], data["labels"][:1000], (10,), 1e-4)


@pytest.fixture(scope="module")
def atlas(landscape, tmp_path_factory):
    path = tmp_path_factory.mktemp("peer") / "d2.atlas"
    arrays = {"train_inputs": landscape.inputs, "train_labels": landscape.labels}
    with Atlas.create(path, Problem(landscape.fingerprint(), {}, arrays)) as atlas:
        print(grow(landscape, atlas, ExploreOptions(minutes=10)))
        yield atlas


def _matches(landscape, atlas, weights, table):
    """Ids in the atlas of points given by unpolished weights; None where it has none."""
    tools, engine = default_tools(landscape), Engine(landscape.surface)
    polished = dict(engine.run(certified(tools, w) for w in weights))
    with atlas.reading() as connection:
        points = [polished[k].point for k in range(len(weights))]
        known = Known(connection, table, [point.energy for point in points])
        return [known.match(point) for point in points]


@pytest.mark.slow
def test_everything_the_programs_found_is_found(landscape, atlas, peer):
    database = read_database(peer, landscape.n_weights)
    minima = _matches(landscape, atlas, database.minimum_weights, schema.minimum)
    states = _matches(landscape, atlas, database.transition_state_weights, schema.transition_state)
    print(f"of {len(minima)} minima missing: {minima.count(None)}")
    print(f"of {len(states)} transition states missing: {states.count(None)}")
    print({k: v for k, v in atlas.status().items() if k != "fingerprint"})
    assert None not in minima
    assert None not in states
    assert len(set(states)) == 29, "the programs list one of them twice"

    flow = pd.read_csv(peer / "flow.csv")
    ours = atlas.transition_states().set_index("id")
    losses = atlas.minima().set_index("id")["loss"]
    for row, identity in zip(flow.itertuples(), states, strict=True):
        joined = ours.loc[identity, ["minimum_1", "minimum_2"]]
        expected = sorted([row.flow_minimum_1, row.flow_minimum_2])
        np.testing.assert_allclose(sorted(losses[joined]), expected, atol=2e-9)


@pytest.mark.slow
def test_the_atlas_is_verified(landscape, atlas):
    assert verify(landscape, atlas).failures == ()
