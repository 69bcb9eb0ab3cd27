"""Energies and links of databases whose tables differ, and what is said about damaged ones."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from lossatlas.errors import BadInputError
from lossatlas.interop.pathsample import read_database
from lossatlas.interop.pathsample_network import read_network

ONES = 3 * f"{1.0:20.10f}"
STARS = 25 * "*"

MINIMA = (-2.5, -1.0, 0.25)
STATES = ((0.5, 1, 2), (1.5, 3, 2), (0.75, 2, 2))

MINIMUM_LINES = {
    "as PATHSAMPLE": lambda e: f"{e:25.15f}{12.5:25.15f}{1:6d}{ONES}",
    "seven columns": lambda e: f"{e:25.15f}{12.5:25.15f}{1:6d}{ONES}{0.5:20.10f}",
    "two columns": lambda e: f"{e:.10f} 12.5",
    "energies alone": lambda e: f"  {e!r}  ",
    "stars that touch": lambda e: f"{e:25.15f}{STARS}{1:6d}{ONES}",
    "two fields of stars": lambda e: f"{e:25.15f}{STARS}******{ONES}",
    "short stars": lambda e: f"{e} **** 1 1.0 1.0 1.0",
    "full columns that touch": lambda e: (
        f"{e:25.21f}{-12345678.1234567890123456:25.15f}     1{ONES}"
    ),
    "exponents of Fortran": lambda e: f"{e:.12E}".replace("E", "D") + " 1.0D+02 1",
    "lower case": lambda e: f"{e:.12e}".replace("e", "d"),
    "tabs": lambda e: f"{e}\t12.5\t1\t1.0",
    "words": lambda e: f"{e} 12.5 C1 of no use",
}
STATE_LINES = {
    "as PATHSAMPLE": lambda e, a, b: f"{e:25.15f}{9.5:25.15f}{1:10d}{a:10d}{b:10d}{ONES}",
    "nine columns": lambda e, a, b: f"{e:25.15f} 9.5 1 {a} {b} {ONES} -0.25",
    "five columns": lambda e, a, b: f"{e} 9.5 1 {a} {b}",
    "three columns": lambda e, a, b: f"{e} {a} {b}",
    "stars": lambda e, a, b: f"{e:25.15f}{STARS}{1:10d}{a:10d}{b:10d}{ONES}",
    "stars in the order too": lambda e, a, b: f"{e:25.15f}{STARS}**********{a:10d}{b:10d}{ONES}",
    "stars in the moments": lambda e, a, b: f"{e} 9.5 1 {a} {b} ******** 1.0 1.0",
    "exponents of Fortran": lambda e, a, b: f"{e:.12E}".replace("E", "D") + f" 1.0D0 1 {a} {b}",
}


def write(folder: Path, minima: str, states: str) -> tuple[Path, Path]:
    (folder / "min.data").write_text(minima)
    (folder / "ts.data").write_text(states)
    return folder / "min.data", folder / "ts.data"


@pytest.mark.parametrize("state_lines", STATE_LINES)
@pytest.mark.parametrize("minimum_lines", MINIMUM_LINES)
def test_energies_and_links_of_all_tables(tmp_path: Path, minimum_lines: str, state_lines: str):
    minima = "\n".join(MINIMUM_LINES[minimum_lines](energy) for energy in MINIMA)
    states = "\n".join(STATE_LINES[state_lines](*state) for state in STATES) + "\n\n"
    network = read_network(*write(tmp_path, minima, states))
    assert network.minimum_energies.tolist() == pytest.approx(list(MINIMA), abs=1e-12)
    assert network.transition_state_energies.tolist() == [energy for energy, _, _ in STATES]
    assert network.minimum_1.tolist() == [min(pair) - 1 for _, *pair in STATES]
    assert network.minimum_2.tolist() == [max(pair) - 1 for _, *pair in STATES]
    assert network.barrier(1, 3) == 1.5


def test_the_database_of_the_programs(shared):
    folder = shared / "peer" / "d2"
    network, database = read_network(folder / "min.data", folder / "ts.data"), read_database(folder)
    for name in ("minimum_energies", "transition_state_energies", "minimum_1", "minimum_2"):
        np.testing.assert_array_equal(getattr(network, name), getattr(database, name))


@pytest.mark.parametrize("line_ends", ["\n", "\r\n"])
@pytest.mark.parametrize("content", ["", "\n", "  \n\n"])
def test_without_transition_states_nothing_is_connected(tmp_path: Path, content: str, line_ends):
    files = write(tmp_path, "1.0\n2.0\n", "")
    files[0].write_bytes(line_ends.join(["1.0 2.0", "2.0 3.0", ""]).encode("utf-8-sig"))
    files[1].write_bytes(content.replace("\n", line_ends).encode())
    assert read_network(*files).tree.roots.size == 2


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from("EeDdQq"))
def test_any_number_of_fortran(tmp_path_factory, energy: float, letter: str):
    folder = tmp_path_factory.getbasetemp()
    text = f"{energy:.17e}"
    digits, exponent = text.split("e")
    written = [f"{digits}{letter}{exponent}"]
    if len(exponent) == 4:  # three digits: Fortran drops the letter
        written.append(f"{digits}{exponent}")
    for number in written:
        network = read_network(*write(folder, f"{number} 1.0\n", ""))
        assert network.minimum_energies.tolist() == [energy]


GOOD_MINIMA, GOOD_STATES = "1.0 5.0\n2.0 5.0\n", "3.0 5.0 1 1 2\n"

DAMAGED = {
    "no minima": ("", GOOD_STATES, r"min\.data: there are no minima"),
    "a word": ("1.0\nx.2 5.0\n", "", r"min\.data: line 2: its energy 'x.2' is no number"),
    "an underscore": ("1_0\n", "", "line 1: its energy '1_0' is no number"),
    "stars": ("1.0\n**** 5.0\n", "", r"line 2: its energy did not fit its column"),
    "not a number": ("NaN 1.0\n", "", "line 1: its energy is NaN; .* keep the line"),
    "infinite": ("1.0\n-Infinity\n", "", "line 2: its energy is -Infinity"),
    "too large": ("1.0D+999\n", "", r"line 1: its energy is 1\.0D\+999"),
    "an empty line": ("1.0\n\n2.0\n", "", r"min\.data: line 2: it is empty"),
    "an empty line between": (
        GOOD_MINIMA,
        "3.0 1 2\n\n4.0 1 2\n",
        r"ts\.data: line 2: it is empty",
    ),
    "minimum 3 of 2": (
        GOOD_MINIMA,
        "3.0 5.0 1 1 3\n",
        r"ts\.data: line 1: it joins minimum 3, and",
    ),
    "minimum 0": (GOOD_MINIMA, "3.0 5.0 1 0 2\n", "line 1: it joins minimum 0, and .* 1 to 2"),
    "a negative minimum": (GOOD_MINIMA, "3.0 5.0 1 -1 2\n", "'-1' where the number of a minimum"),
    "half a minimum": (GOOD_MINIMA, "3.0 5.0 1 1 2.5\n", r"'2\.5' where the number"),
    "a minimum NaN": (GOOD_MINIMA, "3.0 5.0 1 NaN 2\n", "'NaN' where the number"),
    "a minimum of stars": (GOOD_MINIMA, "3.0 5.0 1 1 ***\n", r"fit its column .* where the number"),
    "a word in ts.data": (
        GOOD_MINIMA,
        "3.0 1 2\nE 1 2\n",
        r"ts\.data: line 2: its energy 'E' is no",
    ),
    "NaN in ts.data": (GOOD_MINIMA, "nan 5.0 1 1 2\n", "line 1: its energy is nan; .* or remove"),
    "two columns": (GOOD_MINIMA, "3.0 1\n", "line 1: it has 2 columns; the minima stand"),
    "four columns": (GOOD_MINIMA, "3.0 1 1 2\n", "line 1: it has 4 columns"),
    "cut short": (GOOD_MINIMA, f"{GOOD_STATES}3.0 5.0\n", "line 2: it has 2 columns"),
    "below its minimum": (GOOD_MINIMA, "1.5 1 2\n", "line 1: its energy 1.5 is below .* joins, 2"),
    "exchanged": (GOOD_STATES, GOOD_MINIMA, r"line 1: .* give min\.data first, then ts\.data"),
    "one table twice": (GOOD_MINIMA, GOOD_MINIMA, r"ts\.data: line 1: it has 2 columns"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_lines_are_named(tmp_path: Path, case: str):
    minima, states, message = DAMAGED[case]
    with pytest.raises(BadInputError, match=message) as caught:
        read_network(*write(tmp_path, minima, states))
    assert caught.value.where.startswith(str(tmp_path))


def test_files_that_are_no_tables(tmp_path: Path):
    minima, states = write(tmp_path, GOOD_MINIMA, GOOD_STATES)
    with pytest.raises(BadInputError, match="no such file"):
        read_network(tmp_path / "nowhere", states)
    with pytest.raises(BadInputError, match="cannot be read"):
        read_network(minima, tmp_path)
    np.random.default_rng(1).normal(size=50).tofile(tmp_path / "points.min")
    with pytest.raises(BadInputError, match=r"points\.min: is not a text file"):
        read_network(tmp_path / "points.min", states)
