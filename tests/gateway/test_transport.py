"""What the SDK's requests meet on the network: answers, silence, closed doors, wrong certificates, proxies."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import stripe
from flask import Flask
from werkzeug.serving import make_ssl_devcert

from billing.gateway.transport import NetworkTransport


class _Handler(BaseHTTPRequestHandler):
    """Notes each request and answers 402."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.server.seen.append((self.path, self.headers, body))  # type: ignore[attr-defined]  # ours has it
        self.send_response(402)
        self.send_header("Request-Id", "req_1")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


class _Server(HTTPServer):
    """A server on a free port, and what it has `seen`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, Message, bytes]] = []

    @property
    def netloc(self) -> str:
        return f"127.0.0.1:{self.server_port}"


@contextmanager
def serving(certificate: tuple[str, str] | None = None) -> Iterator[_Server]:
    with _Server() as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def transport() -> Iterator[NetworkTransport]:
    made = NetworkTransport(1.0, 0.5)
    with Flask("alone").app_context():  # which keeps how far the clocks are apart
        yield made
    made.close()


def send(transport: NetworkTransport, url: str) -> tuple[bytes, int, dict[str, str]]:
    answer: tuple[bytes, int, dict[str, str]] = transport.request("post", url, {"Authorization": "Bearer sk"}, "a=1")
    return answer


def test_a_request_arrives_and_its_answer_comes_back(transport: NetworkTransport) -> None:
    with serving() as server:
        body, status, headers = send(transport, f"http://{server.netloc}/v1/things?expand=x")
    assert (body, status, headers["request-id"]) == (b"{}", 402, "req_1")
    path, told, sent = server.seen[0]
    assert (path, told["Authorization"], sent) == ("/v1/things?expand=x", "Bearer sk", b"a=1")


def test_silence_and_closed_doors_are_tried_again(transport: NetworkTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(stripe.APIConnectionError, match="ReadTimeout") as waited:
            send(transport, f"http://127.0.0.1:{port}/v1/things")
    with pytest.raises(stripe.APIConnectionError, match="NewConnectionError") as knocked:
        send(transport, f"http://127.0.0.1:{port}/v1/things")
    assert waited.value.should_retry
    assert knocked.value.should_retry


def test_a_wrong_certificate_is_not(transport: NetworkTransport, tmp_path: Path) -> None:
    with (
        serving(make_ssl_devcert(str(tmp_path / "own"), host="127.0.0.1")) as server,
        pytest.raises(stripe.APIConnectionError, match="CERTIFICATE_VERIFY_FAILED") as refused,
    ):
        send(transport, f"https://{server.netloc}/v1/things")
    assert not refused.value.should_retry
    assert server.seen == []


def test_the_machines_proxy_is_used(transport: NetworkTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as proxy, serving() as near:
        monkeypatch.setenv("http_proxy", f"http://ada:secret@{proxy.netloc}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        send(transport, "http://api.example/v1/things")
        send(transport, f"http://{near.netloc}/v1/things")
    assert [(path, headers["Proxy-Authorization"]) for path, headers, _ in proxy.seen] == [
        ("http://api.example/v1/things", "Basic YWRhOnNlY3JldA==")
    ]
    assert [(path, "Proxy-Authorization" in headers) for path, headers, _ in near.seen] == [("/v1/things", False)]
