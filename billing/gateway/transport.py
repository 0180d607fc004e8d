"""The SDK's transports: over the network, or to a WSGI app in this process. Both keep to the pace of their thread."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass
from wsgiref.types import WSGIApplication

import stripe
import urllib3
from werkzeug.test import Client

from billing.gateway import pace, watch

_CONNECTIONS = 32  # to a host at a time that are kept: about as many as there are threads


class NetworkTransport(stripe.HTTPClient):
    """Sends the SDK's requests over the network, through urllib3.

    The SDK itself would take `requests`, which needs three times as long for each: most of it to look for the machine's
    proxies again, whose settings (HTTPS_PROXY, NO_PROXY) are read once here.
    """

    name = "urllib3"

    def __init__(self, connect_seconds: float, answer_seconds: float) -> None:
        super().__init__()
        self._timeout = urllib3.Timeout(connect=connect_seconds, read=answer_seconds)
        self._pools: dict[str, urllib3.PoolManager] = {}

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> Any:  # (body, status, headers), as the base class has it
        """Answer one request; what hinders it is a connection error, tried again unless the certificate is at fault."""
        return pace.sending(lambda: watch.calling(url, lambda: self._call(method, url, headers, post_data)))

    def _call(self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any) -> Any:
        pool = self._pool_for(urlsplit(url))
        try:
            response = pool.request(
                method.upper(), url, headers=headers, body=post_data, timeout=self._timeout, retries=False
            )
        except urllib3.exceptions.HTTPError as error:
            is_passing = not isinstance(error, urllib3.exceptions.SSLError)
            raise stripe.APIConnectionError(repr(error), should_retry=is_passing) from error  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
        return response.data, response.status, response.headers

    def _pool_for(self, url: SplitResult) -> urllib3.PoolManager:
        """The connections to that host, straight or by the machine's proxy; they may be made twice, at first."""
        origin = f"{url.scheme}://{url.netloc}"
        if origin not in self._pools:
            trusting: dict[str, Any] = {"ca_certs": stripe.ca_bundle_path, "maxsize": _CONNECTIONS}
            proxy = None if proxy_bypass(url.hostname or "") else getproxies().get(url.scheme)
            if proxy is None:
                self._pools[origin] = urllib3.PoolManager(**trusting)
            else:
                who = urllib3.make_headers(proxy_basic_auth=urllib3.util.parse_url(proxy).auth)
                self._pools[origin] = urllib3.ProxyManager(proxy, proxy_headers=who, **trusting)
        return self._pools[origin]

    def close(self) -> None:
        """Let go of the connections."""
        for pool in self._pools.values():
            pool.clear()


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
