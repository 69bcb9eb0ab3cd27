"""An atlas for other programs, and what they have in an atlas: locate, export, import."""

import csv
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from lossatlas.atlas import Atlas, Problem
from lossatlas.errors import BadInputError, OtherLandscapeError
from lossatlas.interop import import_database, locate, to_sklearn, weights_of
from lossatlas.interop.graphs import nodes_and_edges, to_networkx
from lossatlas.landscape import NetworkLandscape
from lossatlas.network.links import side_pairs
from lossatlas.studies.exploring import explore
from lossatlas.studies.problem import landscape_of

STUDY = """
[data]
source = "file"
path = "rows.npz"
train = 40
test = 10
split = "ordered"

[network]
hidden = [3]

[loss]
l2 = 1e-2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A study and its atlas."""
    folder = tmp_path_factory.mktemp("atlas")
    random = np.random.default_rng(0)
    inputs, labels = random.normal(size=(50, 2)), np.arange(50) % 3
    np.savez(folder / "rows.npz", inputs=inputs, labels=labels)
    (folder / "small.toml").write_text(STUDY)
    atlas = folder / "small.atlas"
    explore(folder / "small.toml", atlas, transition_states=6, progress=False).close()
    return folder


@pytest.fixture
def atlas(folder):
    with Atlas.open(folder / "small.atlas") as opened:
        yield opened


@pytest.fixture
def say(run):
    """What a command prints, which must succeed."""

    def said(*arguments: object) -> str:
        ran = run(*arguments)
        assert ran.exit_code == 0, ran.output
        return ran.output

    return said


def test_a_network_beside_a_minimum_is_located(folder, atlas):
    landscape = landscape_of(atlas.problem)
    frame = atlas.minima().sort_values("loss")
    lowest, other = frame["id"].iloc[0], frame["id"].iloc[-1]
    for identity in (lowest, other):
        w = atlas.minimum_weights([int(identity)])[0]
        moved = landscape.symmetry.random_copy(w, np.random.default_rng(1))
        step = 1e-3 * np.ones(len(w))
        found = locate(atlas, landscape, moved + step)
        assert found.minimum == found.nearest == identity
        modes = landscape.excluded_modes
        expected = np.linalg.norm(step - modes.T @ (modes @ step))
        assert found.distance == pytest.approx(expected, rel=1e-6)
        assert found.nearest_distance == pytest.approx(expected, rel=1e-6)
        np.testing.assert_allclose(found.weights, moved, atol=1e-7)
    network = atlas.network()
    rise = network.barrier(int(other), int(lowest)) - frame["loss"].iloc[-1]
    assert found.barrier == pytest.approx(float(rise), abs=1e-12)
    with pytest.raises(BadInputError, match="finite numbers"):
        locate(atlas, landscape, np.full(landscape.n_weights, np.nan))


@pytest.mark.parametrize("part", ["l2", "training data"])
def test_the_atlas_of_another_landscape_is_refused(atlas, tmp_path, part):
    own = landscape_of(atlas.problem)
    inputs, labels = own.inputs, np.arange(len(own.inputs)) % 3
    other = NetworkLandscape(
        inputs + 1.0 if part == "training data" else inputs,
        labels,
        (3,),
        2e-2 if part == "l2" else 1e-2,
    )
    before = len(atlas.minima())
    with pytest.raises(OtherLandscapeError, match=part):
        locate(atlas, other, np.zeros(other.n_weights))
    with pytest.raises(OtherLandscapeError, match=part):
        import_database(tmp_path / "nowhere", atlas, other)
    assert len(atlas.minima()) == before


def test_what_a_study_says_of_its_noise_is_no_other_landscape(atlas, tmp_path):
    landscape = landscape_of(atlas.problem)
    noisy = Problem({**landscape.fingerprint(), "label noise": "uniform, 0.1"})
    with Atlas.create(tmp_path / "noisy.atlas", noisy) as opened:
        w = atlas.minimum_weights([1])[0]
        assert locate(opened, landscape, w).minimum is None


def test_a_network_trained_by_scikit_learn_is_located(folder, atlas):
    landscape = landscape_of(atlas.problem)
    from sklearn.neural_network import MLPClassifier

    arrays = atlas.problem.arrays
    model = MLPClassifier((3,), activation="tanh", alpha=0.3, solver="lbfgs", random_state=0)
    model.fit(arrays["train_inputs"], arrays["train_labels"])
    w = weights_of(landscape, model)
    np.testing.assert_allclose(
        to_sklearn(landscape, w).predict_proba(arrays["test_inputs"]),
        model.predict_proba(arrays["test_inputs"]),
        atol=1e-12,
    )
    found = locate(atlas, landscape, w)
    assert found.minimum_loss <= found.loss
    assert found.minimum is not None


def test_the_commands_go_round(folder, tmp_path, say):
    atlas = folder / "small.atlas"
    say("export", atlas, "-o", tmp_path / "best.npz")
    found = json.loads(say("locate", atlas, tmp_path / "best.npz", "--json"))
    listed = json.loads(say("minima", atlas, "--json"))
    assert found["minimum"] == listed[0]["id"]
    assert found["distance"] < 1e-8
    assert found["barrier"] == 0.0
    assert f"minimum {listed[0]['id']}" in say("locate", atlas, tmp_path / "best.npz")

    say("export", atlas, "-o", tmp_path / "peer")
    again = tmp_path / "again.atlas"
    imported = json.loads(
        say("import", tmp_path / "peer", folder / "small.toml", "--atlas", again, "--json")
    )
    assert imported["differences"] == []
    assert imported["minima"] == len(listed)
    with Atlas.open(atlas) as first, Atlas.open(again) as second:
        before, after = first.network(), second.network()
    np.testing.assert_allclose(
        np.sort(after.minimum_energies), np.sort(before.minimum_energies), atol=1e-12
    )
    np.testing.assert_allclose(
        np.sort(after.transition_state_energies),
        np.sort(before.transition_state_energies),
        atol=1e-12,
    )
    lines = {row["id"]: row["source_line"] for row in json.loads(say("minima", again, "--json"))}
    assert sorted(lines.values()) == list(range(1, len(listed) + 1))


def test_what_the_source_says_is_not_believed(folder, atlas, tmp_path, say):
    say("export", folder / "small.atlas", "-o", tmp_path / "peer")
    lines = (tmp_path / "peer" / "min.data").read_text().splitlines(True)
    lines[0] = f"{3.25:25.15f}" + lines[0][25:]
    (tmp_path / "peer" / "min.data").write_text("".join(lines))
    points = np.fromfile(tmp_path / "peer" / "points.ts")
    states = points.reshape(-1, landscape_of(atlas.problem).n_weights)
    states[0] = atlas.minimum_weights([1])[0]  # a minimum in place of a transition state
    states.tofile(tmp_path / "peer" / "points.ts")
    with Atlas.create(tmp_path / "new.atlas", atlas.problem) as new:
        found = import_database(tmp_path / "peer", new, landscape_of(atlas.problem))
        assert found.minima == len(lines)
        assert len(new.transition_states()) == len(states) - 1
    words = " ".join(found.differences)
    assert "minimum of line 1: its loss is" in words
    assert "Hessian index is 0, not 1" in words


def test_the_graph_is_the_network(atlas, folder, tmp_path, say):
    network = atlas.network()
    nodes, edges = nodes_and_edges(network)
    assert [node["id"] for node in nodes] == network.minimum_ids.tolist()
    assert len(edges) == len(side_pairs(network.links).transition_state)
    assert all("test_auc" in node for node in nodes)
    say("export", folder / "small.atlas", "-o", tmp_path / "small.graphml")
    tree = ElementTree.parse(tmp_path / "small.graphml")
    assert len(tree.findall(".//{*}node")) == len(nodes)
    networkx = pytest.importorskip("networkx", reason="NetworkX is not installed")
    read = networkx.read_graphml(tmp_path / "small.graphml")
    made = to_networkx(network)
    assert set(map(int, read.nodes)) == set(made.nodes)
    assert read.number_of_edges() == made.number_of_edges() == len(edges)
    for node, values in made.nodes(data=True):
        assert read.nodes[str(node)] == pytest.approx(values)
    components = networkx.number_connected_components(made)
    assert components == len(np.unique(network.components))


@pytest.mark.parametrize("name", ["model.onnx", "small.graphml", "best.npz", "peer"])
def test_what_cannot_be_exported_is_refused(folder, tmp_path, name, run, say):
    arguments = ["export", folder / "small.atlas", "-o", tmp_path / name]
    if name != "model.onnx":
        say(*arguments)
    ran = run(*arguments)
    assert ran.exit_code == 2
    assert "exists already" in ran.output or "unknown kind" in ran.output


def test_the_wrong_links_of_a_database_are_found(shared, tmp_path):
    """Four of thirty, by an independent integration of gradient flow (`flow.csv`)."""
    peer = shared / "peer" / "d2"
    with (peer / "flow.csv").open() as file:
        wrong = {int(row["ts"]) for row in csv.DictReader(file) if row["agree"] != "SAME"}
    data = np.load(peer / "data.npz")
    landscape = NetworkLandscape(data["inputs"][:1000], data["labels"][:1000], (10,), 1e-4)
    with Atlas.create(tmp_path / "peer.atlas", Problem(landscape.fingerprint())) as new:
        found = import_database(peer, new, landscape)
        assert found[:2] == (11, 30)
        assert len(new.minima()) == 11
        assert len(new.transition_states()) == 29  # one is listed twice
    lines = {int(re.search(r"line (\d+)", text)[1]) for text in found.differences}
    assert lines == wrong
    assert len(wrong) == 4
