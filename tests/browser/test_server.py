"""Who may talk to the server, and what it answers to attacks; no browser needed."""

import asyncio
import re
import shutil
import socket
import sys
from urllib.parse import urlsplit

import pytest
from serving import request, serving

from lossatlas.browser.application import application
from lossatlas.browser.served import ServedAtlas
from lossatlas.browser.server import LARGEST_REQUEST, start
from lossatlas.errors import BadInputError


@pytest.fixture(scope="module")
def url(network_atlas, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    with serving([shutil.copy(network_atlas, folder / "one.atlas")]) as address:
        yield address


def test_a_page_is_given_and_its_scripts_come_from_here(url):
    status, _, page = request(url)
    assert status == 200
    text = page.decode()
    assert "Content-Security-Policy" in text
    sources = re.findall(r'src="([^"]+)"', text)
    assert sources
    for source in sources:
        assert source.startswith("/static/")
        assert request(url, source)[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/ws", "/static/js/bokeh.min.js", "/autoload.js"])
def test_nothing_is_written(url, method, path):
    status, _, content = request(url, path, method, b"a=1")
    assert status == 405
    assert b"only read" in content


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "attack.invalid"},
        {"Host": "127.0.0.1.attack.invalid"},
        {"Host": "me@127.0.0.1"},
        {"Host": "127.0.0.1:port"},
        {"Host": "[127.0.0.1"},
        {"Host": "127.0.0.2"},
        {"Host": "localhost:8888", "Origin": "http://localhost:3000"},
        {"Host": "localhost:8888", "Origin": "http://127.0.0.1:8888"},
        {"Host": ""},
        {"Origin": "http://attack.invalid"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
    ids=str,
)
def test_other_names_and_foreign_origins_are_refused(url, headers):
    for path in ("/", "/static/js/bokeh.min.js"):
        status, _, content = request(url, path, **headers)
        assert status in (400, 403)
        assert b"bokeh" not in content.lower()


def test_a_web_socket_of_a_foreign_page_is_refused(url):
    from tornado.httpclient import HTTPClientError, HTTPRequest
    from tornado.websocket import websocket_connect

    async def connect(origin: str, **headers: str) -> int:
        address = url.replace("http", "ws") + "ws"
        asked = HTTPRequest(address, headers={"Origin": origin, **headers})
        try:
            connection = await websocket_connect(asked, subprotocols=["bokeh", "wrong"])
        except HTTPClientError as error:
            return error.code
        connection.close()
        while await connection.read_message() is not None:
            pass
        return 101

    assert asyncio.run(connect("http://attack.invalid")) == 403
    assert asyncio.run(connect("http://localhost:3000", Host="localhost:8888")) == 403
    assert asyncio.run(connect("http://localhost:8888", Host="localhost:8888")) == 101


@pytest.mark.parametrize("host", ["localhost:8888", "LOCALHOST:1", "127.0.0.1:8888", "[::1]:8888"])
def test_a_tunnel_may_begin_at_any_port(url, host):
    for headers in ({}, {"Origin": f"http://{host}"}):
        assert request(url, Host=host, **headers)[0] == 200


def test_a_refusal_says_which_names_are_accepted(url):
    status, _, content = request(url, Host="other.invalid")
    assert status == 403
    assert b"localhost" in content
    assert b"127.0.0.1" in content


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is an address on Linux only")
def test_everywhere_means_every_address_of_the_machine(network_atlas):
    with serving([network_atlas], "0.0.0.0") as url:
        port = urlsplit(url).port
        expected = {"127.0.0.2": 401, "127.0.0.3": 403, "other.invalid": 403}
        for name, status in expected.items():  # 401: only the token is missing
            assert request(url, Host=f"{name}:{port}", to="127.0.0.2")[0] == status
        status, _, content = request(url, Host="127.0.0.2:1", to="127.0.0.2")
        assert (status, b"addresses of this machine" in content) == (403, True)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/static/js/..%2f..%2f..%2f__init__.py",
        "/static//etc/passwd",
        "/../one.atlas",
        "/one.atlas",
        "/%00",
        "/static/js/%00",
    ],
)
def test_no_path_leads_out(url, path):
    status, _, content = request(url, path)
    assert status in (400, 403, 404)
    assert b"root:" not in content
    assert b"SQLite" not in content


@pytest.mark.parametrize(
    "query", ["atlas=99", "atlas=-1", "atlas=x", "atlas=%00", f"atlas={'9' * 50}", "beside=7"]
)
def test_an_address_that_names_no_atlas_shows_the_first(url, query):
    status, _, page = request(url, f"/?{query}")
    assert status == 200
    assert b"one.atlas" in page


def test_oversized_requests_are_refused(url):
    long = "x" * (2 * LARGEST_REQUEST)
    for method, body, headers in (("POST", long.encode(), {}), ("GET", b"", {"Cookie": long})):
        try:
            status = request(url, "/", method, body, **headers)[0]
        except OSError:  # the connection is closed before all of it is sent
            status = 400
        assert status in (400, 405, 413, 431)
    assert request(url)[0] == 200


def test_from_elsewhere_only_with_the_token(network_atlas):
    with serving([network_atlas], "0.0.0.0") as url:
        (token,) = re.findall(r"\?token=([\w-]{20,})$", url)
        port = url.split(":")[2].split("/")[0]
        local = f"http://127.0.0.1:{port}/"
        for path in ("/", "/ws", "/static/js/bokeh.min.js", "/?token=wrong", "/?token="):
            status, _, content = request(local, path)
            assert status == 401
            assert token.encode() not in content
        status, headers, _ = request(local, f"/?token={token}")
        assert (status, headers["Location"]) == (302, "/")
        cookie = headers["Set-Cookie"]
        assert token not in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        kept = cookie.split(";")[0]
        assert request(local, "/", Cookie=kept)[0] == 200
        assert request(local, "/", Cookie=kept[:-1] + "0")[0] in (200, 401)
        assert request(local, "/", Cookie=kept.split("=")[0] + "=x")[0] == 401


def test_on_this_machine_no_token_is_needed(url):
    assert "token" not in url


def test_addresses_and_ports_that_cannot_be_used_are_refused(network_atlas):
    fill = application([])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(BadInputError, match="another address or port"):
            start(fill, "127.0.0.1", taken.getsockname()[1])
    for address in ("198.51.100.7", "no such name.invalid", "a" * 300):
        with pytest.raises(BadInputError, match="another address or port"):
            start(fill, address)


def test_an_older_atlas_is_refused_and_left_as_it_is(old_atlas, run):
    before = old_atlas.read_bytes()
    with pytest.raises(BadInputError, match=r"lossatlas status .* upgrades it"):
        ServedAtlas(str(old_atlas))
    result = run("serve", old_atlas)
    assert result.exit_code == 2
    assert old_atlas.read_bytes() == before


def test_what_is_no_atlas_is_refused(run, tmp_path):
    (tmp_path / "text.atlas").write_text("no atlas")
    for name in ("text.atlas", "missing.atlas", "."):
        result = run("serve", tmp_path / name)
        assert result.exit_code == 2
        assert "Traceback" not in result.output


def test_an_atlas_is_not_changed_by_being_served(network_atlas, tmp_path):
    copy = shutil.copy(network_atlas, tmp_path / "copy.atlas")
    before = copy.read_bytes()
    with serving([copy]) as url:
        assert request(url)[0] == 200
    assert copy.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["copy.atlas"]
