"""What is missing in a connected set, against counting by hand in the tables of an atlas."""

import sys
from pathlib import Path

import numpy as np
import pytest

from lossatlas.analysis.completeness import abundances
from lossatlas.analysis.missing import missing_below
from lossatlas.atlas import Atlas
from lossatlas.errors import BadInputError

sys.path.append(str(Path(__file__).parents[1] / "exploration"))
from explored import explore, rough_landscape


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    path = tmp_path_factory.mktemp("missing") / "rough.atlas"
    explore(rough_landscape(), path, aim="connected", minima=90, independent_share=0.4)
    with Atlas.open(path) as opened:
        yield opened


def by_hand(atlas, loss):
    """All hits below a loss in order, each with whether it was new, from the public tables."""
    network, attempts = atlas.network(outside=True), atlas.attempts()
    inside = set(atlas.network().minimum_ids.tolist())
    energy = dict(zip(network.minimum_ids.tolist(), network.minimum_energies, strict=True))
    links = network.links
    seen: set[int] = set()
    hits = []
    for row in attempts.itertuples():
        if row.strategy == "independent-connected" and row.transition_states:
            position = network.transition_state_ids.tolist().index(row.transition_states[-1])
            joined = network.minimum_ids[links.minimum[links.transition_state == position]]
            ends = sorted(set(joined.tolist()) - set(row.origin))
            low = [one for one in ends if one in inside and energy[one] <= loss]
            hits += [(one, one not in seen) for one in low]
        seen |= set(row.minima)
    return hits


@pytest.mark.parametrize("quantile", [0.3, 0.7, 1.0])
def test_counts_are_those_of_the_tables(atlas, quantile):
    network = atlas.network()
    loss = float(np.quantile(network.minimum_energies, quantile))
    found, hits = missing_below(atlas, loss), by_hand(atlas, loss)
    assert found.hits == len(hits) > 5
    assert found.distinct == len(abundances(one for one, _ in hits))
    later = hits[len(hits) // 2 :]
    assert found.known.estimate == pytest.approx(np.mean([not new for _, new in later]))
    assert found.known.low <= found.known.estimate <= found.known.high
    lowest = network.components[np.argmin(network.minimum_energies)]
    members = network.minimum_energies[network.components == lowest]
    assert found.connected == (members <= loss).sum()
    assert found.chao1.estimate >= found.distinct


def test_nothing_is_below_the_lowest(atlas):
    found = missing_below(atlas, -1e9)
    assert (found.connected, found.hits, found.distinct) == (0, 0, 0)
    assert np.isnan(found.known.estimate)


def test_an_atlas_without_such_draws_is_refused(tmp_path):
    explore(rough_landscape(), tmp_path / "all.atlas", minima=3)
    with Atlas.open(tmp_path / "all.atlas") as atlas, pytest.raises(BadInputError, match="aim"):
        missing_below(atlas, 1.0)
