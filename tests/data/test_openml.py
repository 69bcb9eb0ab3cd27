"""Data sets of OpenML by their number, fetched by scikit-learn from a server of our own."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

import numpy as np
import pytest

from lossatlas.data import RegressionData, openml_dataset
from lossatlas.errors import BadInputError

HOST = "https://www.openml.org"
ROWS = [(5.1, 0.2, 7.0, "setosa"), (6.0, 1.5, 3.0, "virginica"), (4.9, 0.3, 6.5, "setosa")]
ARFF = """@RELATION flowers
@ATTRIBUTE length REAL
@ATTRIBUTE width REAL
@ATTRIBUTE price REAL
@ATTRIBUTE class {setosa,virginica}
@DATA
""" + "\n".join(",".join(map(str, row)) for row in ROWS)
NAMES = [("length", "numeric"), ("width", "numeric"), ("price", "numeric"), ("class", "nominal")]
FEATURES = [
    {
        "index": str(k),
        "name": name,
        "data_type": kind,
        "is_target": str(name == "class").lower(),
        "is_ignore": "false",
        "is_row_identifier": "false",
        "number_of_missing_values": "0",
    }
    for k, (name, kind) in enumerate(NAMES)
]
DESCRIPTION = {
    "id": "7",
    "name": "flowers",
    "description": "two kinds of flowers",
    "version": "1",
    "format": "ARFF",
    "status": "active",
    "file_id": "70",
    "url": f"{HOST}/data/v1/download/70/flowers.arff",
    "default_target_attribute": "class",
    "md5_checksum": hashlib.md5(ARFF.encode()).hexdigest(),
}
PAGES = {
    "/api/v1/json/data/7": json.dumps({"data_set_description": DESCRIPTION}),
    "/api/v1/json/data/features/7": json.dumps({"data_features": {"feature": FEATURES}}),
    "/api/v1/json/data/qualities/7": json.dumps({"data_qualities": {"quality": []}}),
    "/data/v1/download/70/flowers.arff": ARFF,
}


class _Handler(BaseHTTPRequestHandler):
    """Answers as OpenML does: 412 for a number that it has not got."""

    def do_GET(self) -> None:
        page = PAGES.get(self.path)
        self.send_response(412 if page is None else 200)
        self.end_headers()
        self.wfile.write((page or json.dumps({"error": {"code": "111"}})).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    """The server in place of OpenML, and an empty cache."""
    made = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()

    def redirected(request):
        request.full_url = request.full_url.replace(HOST, f"http://127.0.0.1:{made.server_port}")
        return urlopen(request)

    monkeypatch.setattr("sklearn.datasets._openml.urlopen", redirected)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def test_a_data_set_is_fetched_once(server):
    data = openml_dataset(7, label=None)
    assert data.classes == ("setosa", "virginica")
    assert data.labels.tolist() == [0, 1, 0]
    assert data.features == ("length", "width", "price")
    np.testing.assert_array_equal(data.inputs, [row[:3] for row in ROWS])
    server.shutdown()
    server.server_close()
    assert openml_dataset(7).checksum == data.checksum  # kept by scikit-learn


def test_another_column_can_be_predicted(server):
    with pytest.raises(BadInputError, match=r"OpenML 7: column 'class'.*not numbers"):
        openml_dataset(7, label="price", numbers=True)
    with pytest.raises(BadInputError, match='there is no column "color"'):
        openml_dataset(7, label="color")


def test_a_column_of_numbers_that_is_left_alone(server, monkeypatch):
    data = openml_dataset(7, label="price", numbers=True, drop=["class"])
    assert isinstance(data, RegressionData)
    assert data.targets.ravel().tolist() == [7.0, 3.0, 6.5]


def test_a_number_that_it_has_not_got(server):
    with pytest.raises(BadInputError, match="OpenML 8: cannot be fetched") as caught:
        openml_dataset(8)
    assert "check the number and the connection" in caught.value.remedy


def test_without_a_connection(server, monkeypatch):
    """Refused in one message, though scikit-learn tries three times more."""
    server.shutdown()
    server.server_close()
    monkeypatch.setattr("sklearn.datasets._openml.time.sleep", lambda seconds: None)
    with pytest.raises(BadInputError, match=r"OpenML 7: cannot be fetched \(URLError"):
        openml_dataset(7)
