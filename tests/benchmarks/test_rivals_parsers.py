"""Output of GMIN, OPTIM and the files written for them, on small samples."""

import numpy as np
import pytest
from benchmarks.rivals import wales
from benchmarks.rivals.measure import Unavailable

from lossatlas.interop.pathsample import read_database, read_training_data
from lossatlas.landscape import NetworkLandscape

GMIN_OUTPUT = """\
 mc calling initial quench
 Qu          0 E=    0.7750000000     steps=    1 RMS= 0.97154E-09 Markov E=    0.7750000000     t=        0.1
 Qu          1 E=   -0.0013627146     steps= 5000 RMS= 0.81309E-06 Markov E=    0.8001424290     t=      108.3
Number of potential calls                672
"""  # noqa: E501


@pytest.fixture
def landscape():
    random = np.random.default_rng(0)
    return NetworkLandscape(random.normal(size=(6, 2)), np.arange(6) % 3, (3,), 1e-3)


def test_quenches():
    first, second = wales.quenches(GMIN_OUTPUT)
    assert first == (0, 0.775, 1, 0.97154e-9, 0.1)
    assert second == (1, -0.0013627146, 5000, 0.81309e-6, 108.3)
    assert wales.potential_calls(GMIN_OUTPUT) == 672


def test_an_unfinished_run_is_noticed():
    with pytest.raises(Unavailable, match="GMIN"):
        wales.potential_calls("mc calling initial quench")


def test_lowest(tmp_path):
    block = "          2\nEnergy of minimum      {}=    {}   first found at step   0\n{}\n{}\n"
    text = block.format(1, -0.5, 1.5, -2.0) + block.format(2, 0.25, 0.0, 3.0)
    (tmp_path / "lowest").write_text(text)
    (low, first), (high, second) = wales.lowest(tmp_path / "lowest")
    assert (low, high) == (-0.5, 0.25)
    np.testing.assert_array_equal([first, second], [[1.5, -2.0], [0.0, 3.0]])


def path_info(n_weights: int) -> str:
    def three_a_line(values):
        return "\n".join(" ".join(map(str, values[k : k + 3])) for k in range(0, len(values), 3))

    points = []
    for energy in (0.1, 0.9, 0.2):
        numbers = [energy + k for k in range(n_weights)]
        points.append(f"   {energy}\n   1 C1\n{three_a_line(numbers)}\n{three_a_line(numbers)}\n")
    return "".join(points)


@pytest.mark.parametrize("n_weights", [3, 7, 74])
def test_triple(n_weights):
    found = wales.triple(path_info(n_weights), n_weights)
    assert found is not None
    assert found.energies == (0.1, 0.9, 0.2)
    np.testing.assert_allclose(found.weights, 0.9 + np.arange(n_weights))


def test_half_a_triple_is_none():
    text = path_info(7)
    assert wales.triple(text[: len(text) // 2], 7) is None
    assert wales.triple("", 7) is None


def test_the_problem_is_named(landscape):
    assert wales.mlpvb3(landscape) == "MLPVB3 2 1 3 3 6 0.0010000000\n"


def test_training_data(tmp_path, landscape):
    wales.write_training_data(tmp_path, landscape)
    found = read_training_data(tmp_path / "MLPdata")
    np.testing.assert_array_equal(found.labels, landscape.labels)
    np.testing.assert_allclose(found.inputs, landscape.inputs, rtol=1e-15)


def test_pathsample_database(tmp_path, landscape):
    random = np.random.default_rng(1)
    minima = [(0.5, random.normal(size=landscape.n_weights)), (0.75, np.ones(landscape.n_weights))]
    wales.prepare_pathsample(tmp_path, landscape, minima, cycles=3, cores=2)
    found = read_database(tmp_path, landscape.n_weights)
    np.testing.assert_array_equal(found.minimum_energies, [0.5, 0.75])
    np.testing.assert_array_equal(found.minimum_weights, [w for _, w in minima])
    assert len(found.transition_state_energies) == 0
    keywords = (tmp_path / "pathdata").read_text().splitlines()
    assert {"CPUS 2", "CYCLES 3", "NEWCONNECTIONS 12 30 1"} <= set(keywords)
    assert max(map(len, keywords)) < 80


def test_optim_searches_with_and_without_paths(tmp_path, landscape):
    start = np.arange(float(landscape.n_weights))
    for paths in (True, False):
        wales.prepare_optim(tmp_path, landscape, start, paths=paths)
        lines = (tmp_path / "odata").read_text().splitlines()
        assert ("PATH 3 0.0" in lines) == paths
        values = lines[lines.index("VARIABLES") + 1 :]
        np.testing.assert_array_equal(np.array(values, float), start)


def test_transition_state_of_a_search(tmp_path):
    (tmp_path / "out").write_text(" geopt>      **** CONVERGED ****\n")
    (tmp_path / "points.final").write_text("  -4.25\n 3.5\n")
    np.testing.assert_array_equal(wales.found_transition_state(tmp_path), [-4.25, 3.5])
    (tmp_path / "out").write_text(" geopt> not converged\n")
    assert wales.found_transition_state(tmp_path) is None
