"""Disjoint sets against the components of a graph."""

import numpy as np
from hypothesis import given, strategies as st

from lossatlas.exploration.components import Components
from lossatlas.network.links import Edges, components as components_of


@given(st.data())
def test_they_are_the_components_of_the_graph_at_any_moment(data):
    components, pairs, inside = Components(), [], []
    for _ in range(data.draw(st.integers(1, 6))):
        new = data.draw(st.lists(st.booleans(), min_size=1, max_size=6))
        inside += new
        components.add(new)
        some = st.integers(0, len(inside) - 1)
        for one, other in data.draw(st.lists(st.tuples(some, some), max_size=6)):
            components.join(one, other)
            pairs.append((one, other))
        ends = np.array(pairs, np.int64).reshape(-1, 2)
        edges = Edges(np.arange(len(ends)), ends.min(axis=1), ends.max(axis=1))
        label = components_of(edges, len(inside))
        assert (np.unique(components.labels(), return_inverse=True)[1] == label).all()
        for k in range(len(inside)):
            assert components.find(k) == np.flatnonzero(label == label[k])[0]
            assert components.inside(k) == np.array(inside)[label == label[k]].sum()
