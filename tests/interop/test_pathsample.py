import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from lossatlas.errors import BadInputError
from lossatlas.interop.pathsample import read_database, read_training_data, write_database
from lossatlas.network import Links, Network

FILES = ("min.data", "ts.data", "points.min", "points.ts")


def network_of(energies, logs, heights, state_logs, minimum_1, minimum_2, seed=0) -> Network:
    """A network with random weights; energies of these tests need not be those of a landscape."""
    random = np.random.default_rng(seed)
    network = Network.of_pairs(energies, heights, minimum_1, minimum_2)
    return network.with_values(
        columns={"log_determinant": logs},
        transition_state_columns={"log_determinant": state_logs},
        minimum_weights=random.standard_normal((len(energies), 5)),
        transition_state_weights=random.standard_normal((len(heights), 5)),
    )


@pytest.fixture
def database() -> Network:
    return network_of(
        energies=np.array([0.1, 0.2, 1 / 3]),
        logs=np.array([-504.467914281999981, 12.5, np.nan]),
        heights=np.array([0.5, 0.6]),
        state_logs=np.array([-1.0, -2.0]),
        minimum_1=np.array([0, 2]),
        minimum_2=np.array([1, 2]),
    )


@pytest.fixture
def folder(database, tmp_path):
    write_database(tmp_path, database)
    return tmp_path


def test_files_of_the_programs_come_back_byte_for_byte(shared, tmp_path):
    original = shared / "peer" / "d2"
    database = read_database(original, n_weights=74)
    assert database.minimum_energies.shape == (11,)
    assert database.transition_state_weights.shape == (30, 74)
    write_database(tmp_path, database)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (original / name).read_bytes()


def test_links_and_energies_of_the_programs(shared):
    database = read_database(shared / "peer" / "d2")
    assert database.minimum_energies[0] == 0.6003387975
    assert database.transition_state_energies[0] == 0.600344429542282
    assert (database.minimum_1[1], database.minimum_2[1]) == (4, 4)
    assert database.degenerate[1]
    highest = np.maximum(
        database.minimum_energies[database.minimum_1], database.minimum_energies[database.minimum_2]
    )
    assert (database.transition_state_energies > highest).all()


def test_training_data_of_the_programs(shared):
    data = read_training_data(shared / "peer" / "d2" / "MLPdata")
    stored = np.load(shared / "peer" / "d2" / "data.npz")
    np.testing.assert_array_equal(data.inputs, stored["inputs"][:1000])
    np.testing.assert_array_equal(data.labels, stored["labels"][:1000])


def test_the_record_layout(folder):
    lines = (folder / "min.data").read_text().splitlines()
    assert [len(line) for line in lines] == [116] * 3
    assert lines[0][:56] == "        0.100000000000000     -504.467914281999981     1"
    assert [len(line) for line in (folder / "ts.data").read_text().splitlines()] == [140] * 2
    assert (folder / "points.min").stat().st_size == 3 * 5 * 8


PRINTABLE = st.floats(-9e5, 9e5)


@settings(max_examples=25)
@given(values=arrays(np.float64, (4, 2), elements=PRINTABLE), seed=st.integers(0, 1000))
def test_a_round_trip_keeps_weights_and_the_printed_digits(tmp_path_factory, values, seed):
    random = np.random.default_rng(seed)
    written = network_of(
        energies=values[:, 0],
        logs=values[:, 1],
        heights=values[:2, 1],
        state_logs=values[:2, 0],
        minimum_1=random.integers(0, 4, 2),
        minimum_2=random.integers(0, 4, 2),
        seed=seed,
    )
    first, second = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    write_database(first, written)
    read = read_database(first)
    for before, after in zip(printed(written), printed(read), strict=True):
        np.testing.assert_allclose(after, before, rtol=0, atol=5.1e-16)
    np.testing.assert_array_equal(read.links, written.links)
    np.testing.assert_array_equal(read.minimum_weights, written.minimum_weights)
    np.testing.assert_array_equal(read.transition_state_weights, written.transition_state_weights)
    write_database(second, read)
    for name in FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def printed(network: Network) -> list[np.ndarray]:
    return [
        network.minimum_energies,
        network.columns["log_determinant"],
        network.transition_state_energies,
        network.transition_state_columns["log_determinant"],
    ]


def test_no_transition_states_is_a_database(tmp_path):
    nothing = np.zeros(0)
    write_database(
        tmp_path, network_of(np.array([0.5]), np.zeros(1), nothing, nothing, nothing, nothing)
    )
    assert read_database(tmp_path).transition_state_weights.shape == (0, 5)


def test_a_transition_state_of_three_minima_is_written_as_two(database, tmp_path):
    """Its plus side reaches minima 1 and 2, its minus side 3: the tree stays the same."""
    links = Links(*np.array([[0, 0, 0, 1, 1], [0, 0, 1, 0, 1], [0, 1, 2, 2, 2], [0] * 5]))
    network = replace(database, links=links)
    write_database(tmp_path, network)
    read = read_database(tmp_path)
    assert read.transition_state_energies.tolist() == [0.5, 0.5, 0.6]
    assert (read.minimum_1.tolist(), read.minimum_2.tolist()) == ([0, 1, 2], [2, 2, 2])
    for copy in (0, 1):
        np.testing.assert_array_equal(
            read.transition_state_weights[copy], network.transition_state_weights[0]
        )
    ids = network.minimum_ids
    everywhere = network.barrier(ids[:, None], ids)
    np.testing.assert_allclose(read.barrier(ids[:, None], ids), everywhere, rtol=0, atol=1e-15)


def test_the_network_of_an_atlas_can_be_written(tmp_path):
    """Ids of an atlas have gaps; in the files points are numbered by their lines."""
    network = network_of(
        np.array([0.1, 0.2]),
        np.zeros(2),
        np.array([0.5]),
        np.zeros(1),
        np.array([0]),
        np.array([1]),
    )
    write_database(tmp_path, replace(network, minimum_ids=np.array([3, 8])))
    assert read_database(tmp_path).links.minimum.tolist() == [0, 1]


def test_columns_that_touch_are_told_apart_by_their_widths(folder):
    path = folder / "min.data"
    line = f"{0.5:25.15f}{-7.25:25.15f}{1:6d}" + f"{123456789.0:20.10f}" * 3
    assert len(line.split()) == 3
    path.write_text("\n".join([line, *path.read_text().splitlines()[1:]]) + "\n")
    database = read_database(folder)
    assert (database.minimum_energies[0], database.columns["log_determinant"][0]) == (0.5, -7.25)


def test_fortran_exponents_and_other_spacing_are_read(folder):
    (folder / "min.data").write_text("5.0D-01 -1.0d+01 1 1.0 1.0 1.0\n" * 3)
    database = read_database(folder)
    assert (database.minimum_energies == 0.5).all()
    assert (database.columns["log_determinant"] == -10.0).all()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("min.data", lambda text: text[: len(text) // 2], r"min\.data, line 2: 3 columns"),
        ("min.data", lambda text: text.replace("0.2", "x.2", 1), r"line 2: not a number"),
        ("min.data", lambda text: text.replace("0.100000000000000", "NaN", 1), "energy is nan"),
        ("min.data", lambda text: text.splitlines(True)[0], r"points\.min: 120 bytes"),
        ("min.data", lambda _: "", "no minima"),
        ("ts.data", lambda text: text.replace("         3", "         4"), "minimum 4"),
        ("ts.data", lambda text: text.replace("         3", "         0"), "minimum 0"),
        ("ts.data", lambda text: text.replace("         3", "       NaN"), "minimum nan"),
        ("ts.data", lambda text: text + text, r"points\.ts: 80 bytes"),
    ],
)
def test_a_damaged_table_is_named(folder, name, change, message):
    path = folder / name
    path.write_text(change(path.read_text()))
    with pytest.raises(BadInputError, match=message):
        read_database(folder, n_weights=5)


def test_damaged_points_are_named(folder):
    with pytest.raises(BadInputError, match=r"points\.min: 120 bytes .* 7 weights"):
        read_database(folder, n_weights=7)
    points = np.fromfile(folder / "points.min")
    points[6] = np.inf
    points.tofile(folder / "points.min")
    with pytest.raises(BadInputError, match=r"points\.min, record 2"):
        read_database(folder)
    points[:-1].tofile(folder / "points.min")
    with pytest.raises(BadInputError, match="whole records"):
        read_database(folder)


def test_a_missing_file_is_named(folder):
    for name in FILES:
        kept = (folder / name).rename(folder / "kept")
        with pytest.raises(BadInputError, match=name.replace(".", r"\.")):
            read_database(folder)
        shutil.move(kept, folder / name)


def test_writing_refuses_what_it_would_spoil(database, folder, tmp_path):
    with pytest.raises(BadInputError, match="exists already"):
        write_database(folder, database)
    with pytest.raises(BadInputError, match="not a folder"):
        write_database(folder / "missing", database)
    empty = tmp_path / "empty"
    empty.mkdir()
    for damaged, message in [
        (replace(database, minimum_energies=np.array([0.1, 0.2, 1e12])), "F25.15"),
        (database.with_columns(log_determinant=np.array([0.0, 1e12, 0.0])), "F25.15"),
        (database.with_values(minimum_weights=None), "no weights"),
        (database.with_values(transition_state_weights=None), "no weights"),
        (database.with_values(transition_state_weights=np.zeros((2, 4))), "shapes"),
        (database.with_values(columns={}), "minima have no column log_determinant"),
        (database.with_values(transition_state_columns={}), "transition states have no column"),
    ]:
        with pytest.raises(BadInputError, match=message):
            write_database(empty, damaged)
        assert list(empty.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no item"),
        ("0\n", "no item"),
        ("0 1.0 2.0\n1 1.0\n", "line 2: 2 columns"),
        ("0 1.0\n1.5 1.0\n", "line 2: class 1.5"),
        ("0 1.0\n-1 1.0\n", "line 2: class -1"),
        ("0 1.0\n1 nan\n", "line 2: input 1 is nan"),
        ("0 1.0\nnan 1\n", "line 2: class is nan"),
        ("0 1.0\n1 one\n", "line 2: not a number"),
    ],
)
def test_damaged_training_data_is_named(tmp_path, text, message):
    (tmp_path / "MLPdata").write_text(text)
    with pytest.raises(BadInputError, match=message):
        read_training_data(tmp_path / "MLPdata")
