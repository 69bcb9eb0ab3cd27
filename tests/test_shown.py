"""Objects in a notebook: what is said, and that texts of users stay texts."""

from html.parser import HTMLParser

import numpy as np
import pytest

import lossatlas as la
from lossatlas.search.outcome import StationaryPoint
from lossatlas.shown import counted, html_table

SCRIPT = "<script>alert('x')</script>"


class Reader(HTMLParser):
    """Collects elements and texts; refuses what is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.elements.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data.strip())


def read(thing) -> Reader:
    reader = Reader()
    reader.feed(thing if isinstance(thing, str) else thing._repr_html_())
    assert reader.open == []
    assert reader.elements <= {"p", "b", "table", "thead", "tbody", "tr", "th", "td"}
    return reader


def facts(thing) -> dict[str, str]:
    """The rows of the table."""
    texts = [text for text in read(thing).texts if text]
    start = next(k for k, text in enumerate(texts) if text in ("weights", "coordinates", "minima"))
    start -= 2 if texts[start] == "weights" else 0
    return dict(zip(texts[start::2], texts[start + 1 :: 2], strict=True))


def test_numbers_and_texts():
    table = html_table("Atlas", {SCRIPT: SCRIPT, "n": 1234567, "x": 0.1, "none": None}, SCRIPT)
    shown = read(table).texts
    assert "script" not in read(table).elements
    assert shown.count(SCRIPT) == 3
    assert {"1,234,567", "0.1", "none"} <= set(shown)
    assert [counted(n, "minimum", "minima") for n in (0, 1, 2000)] == [
        "0 minima",
        "1 minimum",
        "2,000 minima",
    ]


def test_landscapes():
    inputs = np.random.default_rng(0).normal(size=(20, 2))
    network = la.NetworkLandscape(inputs, np.arange(20) % 3, hidden=(3,), l2=1e-2)
    assert facts(network) == {
        "network": "2-3-3",
        "activation": "tanh",
        "loss": "softmax cross-entropy",
        "weights": "21",
        "frozen weights": "0",
        "training rows": "20",
        "l2": "0.01",
        "order of the symmetry group": "48",  # 3! 2^3
    }
    mirrored = la.FunctionLandscape(
        lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2,
        [-2, -1],
        [2, 1],
        SCRIPT,
        symmetry=np.array([np.eye(2), -np.eye(2)]),
    )
    assert facts(mirrored) == {
        "coordinates": "2",
        "box": "-2 to 2, -1 to 1",
        "order of the symmetry group": "2",
    }
    assert SCRIPT in read(mirrored).texts


def test_points():
    values = np.array([-0.5, 1.0, 2.0, 3.0])
    point = StationaryPoint(np.zeros(4), 0.25, 1e-15, 1, values, 0.0, 1e-16, np.zeros(2), 8)
    texts = read(point).texts
    assert {"Transition state", "0.25", "8", "-5.0000e-01, 1.0000e+00, 2.0000e+00, 3.0000e+00"} <= {
        *texts
    }
    assert "Minimum" in read(point._replace(index=0)).texts


@pytest.mark.parametrize("name", ["d2.atlas", f"{SCRIPT.replace('/', '')}.atlas"])
def test_an_atlas_and_its_network(tmp_path, name):
    path = tmp_path / name
    with la.Atlas.create(path, la.Problem({"network": "2-3-3"})) as atlas:
        assert facts(atlas) == {
            "minima": "0",
            "transition states": "0",
            "components": "0",
            "lowest loss": "none",
            "runs": "0",
        }
        assert str(path) in read(atlas).texts
        atlas.exploration = la.Exploration("time", 0, 0, 7, 60.0, 60.0)
        assert facts(atlas)["exploration"].startswith("the time is up; 7 attempts")
    pairs = np.array([0.0, 1.0]), np.array([2.0]), np.array([0]), np.array([1])
    network = la.Network.of_pairs(*pairs).with_columns(**{SCRIPT: np.array([1.0, 2.0])})
    assert SCRIPT in read(network).texts
