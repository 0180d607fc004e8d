"""The SDK's transports: over the network, or to a WSGI app in this process. Both keep to the pace of their thread."""

from collections.abc import Mapping
from typing import Any
from wsgiref.types import WSGIApplication

import stripe
from werkzeug.test import Client

from billing.gateway import pace, watch


class NetworkTransport(stripe.RequestsClient):
    """Sends the SDK's requests over the network."""

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> Any:  # (body, status, headers), as the base class has it
        """Answer one request."""

        def send() -> Any:
            return super(NetworkTransport, self).request(method, url, headers, post_data)

        return pace.sending(lambda: watch.calling(url, send))


class WSGITransport(stripe.HTTPClient):
    """Sends the SDK's requests to `app`, as the network would."""

    name = "wsgi"

    def __init__(self, app: WSGIApplication) -> None:
        super().__init__()
        self._app = app

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> Any:  # (bytes, status, headers): the base class declares str, and the SDK reads either
        """Answer one request; what the app raises becomes a connection error, as a crashed server would."""
        return pace.sending(lambda: watch.calling(url, lambda: self._call(method, url, headers, post_data)))

    def _call(self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any) -> Any:
        try:
            response = Client(self._app).open(url, method=method.upper(), headers=dict(headers or {}), data=post_data)
        except Exception as error:
            raise stripe.APIConnectionError(repr(error), should_retry=False) from error  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
        return response.get_data(), response.status_code, response.headers

    def close(self) -> None:
        """Nothing is held open."""
