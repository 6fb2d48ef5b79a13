"""The HTTP server of the tests' GitHub: it checks tokens, permissions, and requests and answers by the description."""

import json
import re
import ssl
import tempfile
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from tests.workflows.api import actions, deployments, dispatches, git, pulls_and_issues, releases  # noqa: F401 - they fill ROUTES
from tests.workflows.api.objects import user
from tests.workflows.api.state import ROUTES, Answer, Identity, Json, RefusedError, Request, Route, State
from tests.workflows.openapi import Operation, description

_ENTERPRISE = "/api/v3"
_DOCS = "https://docs.github.com/rest"
_PER_PAGE, _MOST = 30, 100


@dataclass(frozen=True)
class Call:
    """A request and the status of its answer."""

    method: str
    path: str
    query: str
    login: str  # of the token; empty without a good one
    status: int
    body: Any


@dataclass
class Fault:
    """An error in place of an answer; status 0 breaks the connection."""

    method: str
    pattern: re.Pattern[str]
    status: int
    times: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    login: str = ""


class Router:
    """Records every request, and calls its endpoint."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.calls: list[Call] = []
        self.violations: list[str] = []
        self.faults: list[Fault] = []

    def answer(self, method: str, target: str, authorization: str, body: bytes) -> Reply:
        """The reply to a request."""
        parts = urlsplit(target)
        path = parts.path.removeprefix(_ENTERPRISE)
        with self.state.lock:
            operation = description().find(method, path)
            reply = self._reply(operation, (method, path, parts.query), authorization, body)
            self.calls.append(Call(method, path, parts.query, reply.login, reply.status, _read(body)))
            if operation and reply.status:
                self._note(method, path, operation.wrong_answer(reply.status, reply.content))
        return reply

    def _note(self, method: str, path: str, problems: list[str]) -> None:
        self.violations += [f"{method} {path}: {text}" for text in problems]

    def _reply(self, operation: Operation | None, target: tuple[str, str, str], token: str, body: bytes) -> Reply:
        method, path, query = target
        if operation is None:
            self._note(method, path, ["GitHub has no such endpoint"])
            return _error(404, "Not Found")
        if (method, operation.template) not in ROUTES:
            self._note(method, path, ["the tests' GitHub does not play this endpoint"])
            return _error(501, "Not played")
        problems = operation.wrong_request(query, body)
        self._note(method, path, problems)
        identity = self.state.tokens.get(re.sub(r"^(token|Bearer) ", "", token, flags=re.IGNORECASE))
        if identity is None:
            return _error(401, "Bad credentials" if token else "Requires authentication")
        for fault in self.faults:
            if fault.times and method == fault.method and fault.pattern.search(path):
                fault.times -= 1
                return replace(_error(fault.status, "A fault of the test", identity.login), headers=fault.headers)
        if any(text.startswith("body") for text in problems):
            return _error(422, f"Invalid request. {problems[0]}", identity.login)
        return self._endpoint(operation, target, identity, body)

    def _endpoint(self, operation: Operation, target: tuple[str, str, str], identity: Identity, body: bytes) -> Reply:
        method, path, query = target
        route = ROUTES[method, operation.template]
        variables = _variables(operation.template, path)
        keys = {key: values[-1] for key, values in parse_qs(query).items()}
        name = f"{variables['owner']}/{variables['repo']}" if "repo" in variables else self.state.name
        try:
            if name.lower() != self.state.name.lower():
                raise RefusedError(404, "Not Found")
            if route.scopes and not any(identity.may(scope, route.level) for scope in route.scopes):
                raise RefusedError(403, "Resource not accessible by integration")
            read = _read(body) if operation.body else None
            request = Request(variables, keys, read or {}, identity, body)
            return self._full(operation, route.endpoint(self.state, request), (path, keys), identity)
        except RefusedError as error:
            return _error(error.status, error.message, identity.login)
        except Exception as error:  # a fault of the endpoint must show, not hang up
            self._note(method, path, [f"{type(error).__name__}: {error}"])
            return _error(500, "The tests' GitHub broke", identity.login)

    def _full(self, operation: Operation, answer: Answer, page: tuple[str, Json], identity: Identity) -> Reply:
        if answer.status in (204, 302):
            return Reply(answer.status, None, {"Location": answer.location} if answer.location else {}, identity.login)
        content: Any = answer.content
        headers: dict[str, str] = {}
        if "per_page" in operation.parameters:
            content, headers = _page(content, f"{self.state.url}{page[0]}", page[1])
        # A copy: the answer must not change with the state.
        content = json.loads(json.dumps(operation.complete(content, answer.status)))
        return Reply(answer.status, content, headers, identity.login)


def _account(state: State, request: Request) -> Answer:
    """An account, for any token; CML asks for it first."""
    return Answer(user(state, request.parts["username"]))


ROUTES["GET", "/users/{username}"] = Route(_account, (), "read")


def _page(content: Any, url: str, keys: Json) -> tuple[Any, dict[str, str]]:  # noqa: ANN401 - JSON
    """A page of a list, or of the list in an object, and the links to other pages."""
    name = "" if isinstance(content, list) else next(key for key, value in content.items() if isinstance(value, list))
    rows = content[name] if name else content
    size, page = min(int(keys.get("per_page", _PER_PAGE)), _MOST), max(int(keys.get("page", 1)), 1)
    last = max(-(-len(rows) // size), 1)
    numbers = {"first": 1, "prev": page - 1} if page > 1 else {}
    numbers |= {"next": page + 1, "last": last} if page < last else {}
    links = [f'<{url}?{urlencode({**keys, "page": number})}>; rel="{rel}"' for rel, number in numbers.items()]
    part = rows[(page - 1) * size : page * size]
    return ({**content, name: part} if name else part), ({"Link": ", ".join(links)} if links else {})


def _variables(template: str, path: str) -> dict[str, str]:
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(template))
    pattern = re.sub(r"\(\?P<(?!ref>)(\w+)>\.\+\)", r"(?P<\1>[^/]+)", pattern)
    match = re.fullmatch(pattern, path)
    return {name: unquote(value) for name, value in match.groupdict().items()} if match else {}


def _error(status: int, message: str, login: str = "") -> Reply:
    return Reply(status, {"message": message, "documentation_url": _DOCS, "status": str(status)}, {}, login)


def _read(body: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    router: Router

    def answer(self) -> None:
        """Answer a request to the API."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        reply = self.router.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
        if reply.status == 0:
            self.close_connection = True
            return
        content = b"" if reply.content is None else json.dumps(reply.content).encode()
        self.reply(reply.status, content, {"Content-Type": "application/json; charset=utf-8", **reply.headers})

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815 - names of the base class

    def reply(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
        """Print nothing: the calls are recorded."""


class _Storage(_Handler):
    def do_GET(self) -> None:
        """Send a stored file; like the real storage, refuse a token of GitHub's."""
        name = self.path.lstrip("/")
        with self.router.state.lock:
            content = self.router.state.stored.get(name)
            if "Authorization" in self.headers:
                self.router.violations.append(f"GET {name}: Authorization was sent to the storage")
        status = 400 if "Authorization" in self.headers else 404 if content is None else 200
        self.reply(status, (content or b"") if status == 200 else b"", {"Content-Type": "application/octet-stream"})


class Servers:
    """The API and the storage behind it, each on a free port of 127.0.0.1."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._servers = [_serve(_Handler, router), _serve(_Storage, router)]
        self._secure: tuple[str, Path] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        router.state.url, router.state.downloads = (
            f"http://127.0.0.1:{server.server_address[1]}" for server in self._servers
        )

    def secure(self) -> tuple[str, Path]:
        """Start the API behind TLS on the first call; return its address and its certificate."""
        if self._secure is None:
            self._folder = tempfile.TemporaryDirectory(prefix="github-")
            certificate = _certificate(Path(self._folder.name))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server = _serve(_Handler, self._router, context)
            self._servers.append(server)
            self._secure = f"https://127.0.0.1:{server.server_address[1]}", certificate
        return self._secure

    def stop(self) -> None:
        """Take no more requests."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        if self._folder:
            self._folder.cleanup()


def _serve(handler: type[_Handler], router: Router, context: ssl.SSLContext | None = None) -> ThreadingHTTPServer:
    bound = type(handler.__name__, (handler,), {"router": router})
    server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
    server.daemon_threads = True
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def _certificate(folder: Path) -> Path:
    """A self-signed certificate of 127.0.0.1, with its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "GitHub of the tests")])
    began = datetime.now(UTC) - timedelta(hours=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(began).not_valid_after(began + timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    builder = builder.add_extension(address, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    text = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / "certificate.pem"
    path.write_bytes(text + key.private_bytes(serialization.Encoding.PEM, *plain))
    return path
