"""The server of the pages, and the rules by which it answers or refuses requests.

Every request, including those of web sockets, passes one gate before Bokeh sees it. It has to be a
plain read (GET or HEAD), and has to be addressed to a name of this server, so that no page of
another origin can reach the server by a name of its own (DNS rebinding). If the server can be
reached from other machines, the request has to bring the token. A request of a page has to be
addressed as the page itself, including the port. The names of the loopback are accepted with any
port, because a tunnel may begin at another port. Nothing that a visitor sends is stored, since an
atlas is only read.
"""

import hashlib
import hmac
import logging
import secrets
import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from bokeh.application import Application
from bokeh.application.handlers import FunctionHandler
from bokeh.core.validation import silence
from bokeh.core.validation.warnings import EMPTY_LAYOUT
from bokeh.document import Document
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.routing import Router
from tornado.web import Application as Refusals, RequestHandler

from lossatlas.errors import BadInputError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
EVERYWHERE = ("", "0.0.0.0", "::")
"""Addresses that stand for all addresses of this machine."""
LARGEST_REQUEST = 64 * 1024
"""Largest size of the headers or the body of a request, in bytes."""
LARGEST_MESSAGE = 1024 * 1024
"""Largest message that a page may send through its web socket, in bytes."""
READS = ("GET", "HEAD")
"""Methods of HTTP that are answered."""


class Access(NamedTuple):
    """The rules by which requests are accepted.

    Attributes:
        names: names that requests may be addressed to, in lower case.
        port: port of the server, which is required with all names but those of the loopback.
        everywhere: whether the server listens at all addresses of this machine. A request may then
            also be addressed to the address at which it came in.
        token: secret that requests have to bring; empty if only this machine can reach the server.
        cookie: name of the cookie that remembers the token.
    """

    names: frozenset[str]
    port: int
    everywhere: bool
    token: str
    cookie: str

    def seal(self) -> str:
        """The content of the cookie, which proves that the token was known without revealing it."""
        return hmac.new(self.token.encode(), b"lossatlas", hashlib.sha256).hexdigest()

    def refusal(self, request: HTTPServerRequest) -> tuple[int, str] | None:
        """The HTTP status and the reason if a request is refused; None if it is accepted."""
        if request.method not in READS:
            return 405, "This server can only read: it answers GET and HEAD."
        if "\0" in unquote(request.path):
            return 400, "This address does not exist."
        if not self._is_addressed(request):
            return 403, self._names_accepted()
        origin = request.headers.get("Origin")
        if origin is not None and origin.split("://")[-1].lower() != request.host.lower():
            return 403, "Pages of other origins may not read this server."
        if self.token and not self._admits(request):
            return 401, "Open the address that lossatlas serve has printed: it holds the token."
        return None

    def brings_token(self, request: HTTPServerRequest) -> bool:
        """Whether the address of a request contains the token."""
        given = request.arguments.get("token", [b""])[0]
        return bool(self.token) and hmac.compare_digest(given, self.token.encode())

    def _is_addressed(self, request: HTTPServerRequest) -> bool:
        """Whether a request is addressed to a name of this server."""
        try:
            host = urlsplit(f"//{request.host}")
            name, port = host.hostname, host.port or 80
        except ValueError:
            return False
        if name is None or host.netloc != request.host or "@" in request.host:
            return False
        if name in LOOPBACK:
            return True
        known = name in self.names or (self.everywhere and _is_local(name, request))
        return known and port == self.port

    def _names_accepted(self) -> str:
        names = ", ".join(sorted(LOOPBACK))
        others = ", ".join(sorted(self.names.difference(LOOPBACK)))
        text = f"This server has another name. It answers to {names} with any port"
        if others:
            text += f", and with port {self.port} to {others}"
        if self.everywhere:
            text += " and the addresses of this machine"
        return f"{text}."

    def _admits(self, request: HTTPServerRequest) -> bool:
        kept = request.cookies.get(self.cookie)
        known = kept is not None and hmac.compare_digest(kept.value.encode(), self.seal().encode())
        return known or self.brings_token(request)


class Gate(Router):
    """The router of all requests, to Bokeh or to an answer that refuses them."""

    def __init__(self, inside: BokehTornado, access: Access) -> None:
        self._inside, self._access = inside, access
        self._refusals = Refusals([(r"(?s).*", Refusal, {"access": access})])

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate | None:
        """The handler that answers a request."""
        refused = self._access.refusal(request) is not None
        if refused or self._access.brings_token(request):
            return self._refusals.find_handler(request, **kwargs)
        return self._inside.find_handler(request, **kwargs)


class Refusal(RequestHandler):
    """The answer to a request that is refused, or that brings the token in its address.

    The latter is redirected to the address without the token, which a cookie remembers.
    """

    def initialize(self, access: Access) -> None:
        """Take the rules by which requests are accepted."""
        self.access = access

    def prepare(self) -> None:
        """Send the whole answer, whatever the method of the request is."""
        refused = self.access.refusal(self.request)
        if refused is None:
            kept: Any = {"httponly": True, "samesite": "Strict"}
            self.set_cookie(self.access.cookie, self.access.seal(), **kept)
            self.redirect("/")
            return
        self.set_status(refused[0])
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(refused[1])


class Running(NamedTuple):
    """A server that was started.

    Attributes:
        url: address to open in a browser.
        run: function that answers requests until `stop` is called.
        stop: function that ends the server; another thread may call it.
    """

    url: str
    run: Callable[[], None]
    stop: Callable[[], None]


def start(fill: Callable[[Document], None], address: str = "127.0.0.1", port: int = 0) -> Running:
    """Begin to listen for requests, which `Running.run` then answers.

    Args:
        fill: function that fills the document of each visit.
        address: address of this machine at which to listen; by default only this machine can reach
            it.
        port: port at which to listen; 0, the default, for any that is free.

    Raises:
        BadInputError: the address or the port cannot be used.
    """
    try:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listening = socket.create_server((address, port), family=family)
    except (OSError, UnicodeError, OverflowError) as error:
        remedy = "use another address or port, or --port 0 for any free one"
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInputError(f"--address {address} --port {port}", reason, remedy) from error
    listening.setblocking(False)
    port = listening.getsockname()[1]
    access = _access(address, port)
    # Pages are closed and loaded again all the time, so that is no reason for a warning.
    logging.getLogger("bokeh.server.views.ws").setLevel(logging.ERROR)
    silence(EMPTY_LAYOUT)  # Views are empty until something is chosen.
    loop = IOLoop()
    tornado = BokehTornado(
        {"/": Application(FunctionHandler(fill))},
        extra_websocket_origins=["*"],  # The gate has already compared the origin with the host.
        websocket_max_message_size_bytes=LARGEST_MESSAGE,
        session_token_expiration=3600,
    )
    http = HTTPServer(
        Gate(tornado, access), max_body_size=LARGEST_REQUEST, max_header_size=LARGEST_REQUEST
    )
    http.add_sockets([listening])
    server = BaseServer(loop, tornado, http)
    server.start()

    def run() -> None:
        try:
            loop.start()
        finally:
            server.stop()
            http.stop()
            loop.close(all_fds=True)

    return Running(_url(address, port, access), run, lambda: loop.add_callback(loop.stop))


def _access(address: str, port: int) -> Access:
    names = set(LOOPBACK)
    if address not in LOOPBACK:
        names |= {address, socket.gethostname(), socket.getfqdn()} - {""}
        names |= {str(one[4][0]) for one in _addresses()}
    token = "" if address in LOOPBACK else secrets.token_urlsafe(24)
    known = frozenset(name.lower() for name in names)
    return Access(known, port, address in EVERYWHERE, token, f"lossatlas-{port}")


def _is_local(name: str, request: HTTPServerRequest) -> bool:
    """Whether a name is the address of this machine at which a request came in."""
    accepted = getattr(getattr(request.connection, "stream", None), "socket", None)
    try:
        asked = ip_address(name)
        here = ip_address(accepted.getsockname()[0].partition("%")[0]) if accepted else None
    except (ValueError, OSError):
        return False
    return here is not None and asked in (here, getattr(here, "ipv4_mapped", None))


def _addresses() -> Sequence[Any]:
    """The addresses of this machine; none if its name is not known."""
    try:
        return socket.getaddrinfo(socket.gethostname(), None)
    except OSError:
        return ()


def _url(address: str, port: int, access: Access) -> str:
    name = socket.gethostname() if address in EVERYWHERE else address
    host = f"[{name}]" if ":" in name else name
    return f"http://{host}:{port}/" + (f"?token={access.token}" if access.token else "")
