"""A Stripe that holds as many objects as wanted of each kind, and makes them when they are listed.

One of each was made by the sandbox; the others differ in their ids and in when they were created. `GET /calls` says how
often it was asked since the last time, `GET /delay/<milliseconds>` makes it as far away as that.
"""

import asyncio
import json
import re
import sys
import tempfile
from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from billing.sandbox import Sandbox

_BEGINNING = 1_700_000_000
_SECONDS = 2 * 365 * 86_400
_OWN_IDS = re.compile(r'"((?:cus|sub|si|in|il|pm|pi|ch|txn)_\w+)"')
_LISTED = re.compile(r"x(\d+)$")


class Stub:
    """`count` objects of each kind, made after those of `sandbox`."""

    def __init__(self, sandbox: Sandbox, count: int) -> None:
        self._sandbox = sandbox
        self._count = count
        self._patterns: dict[tuple[str, tuple[str, ...]], tuple[str, frozenset[str]]] = {}
        self._delay = 0.0
        self._calls = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests until it closes."""
        while request := await reader.readline():
            _, target, _ = request.decode().split(" ", 2)
            while await reader.readline() not in (b"\r\n", b""):
                pass
            path, _, query = target.partition("?")
            body = (await self._answer(path, parse_qs(query))).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
        writer.close()

    async def _answer(self, path: str, query: dict[str, list[str]]) -> str:
        if path.startswith("/delay/"):
            self._delay = int(path.removeprefix("/delay/")) / 1000
        if path == "/v1/account":  # whoever fills the tables looks first whose key it is
            return json.dumps({"id": "acct_bench", "object": "account"})
        if not path.startswith("/v1/"):
            calls, self._calls = self._calls, 0
            return json.dumps({"calls": calls})
        self._calls += 1
        await asyncio.sleep(self._delay)
        return self._list(path, query)

    def _list(self, path: str, query: dict[str, list[str]]) -> str:
        if customer := query.get("customer"):
            first, last = _number(customer[0]), _number(customer[0]) + 1
        else:
            first = bisect_left(range(self._count), int(query["created[gte]"][0]), key=self._created)
            last = bisect_left(range(self._count), int(query["created[lt]"][0]), key=self._created)
        if after := query.get("starting_after"):
            last = min(last, _number(after[0]))
        begin = max(first, last - int(query["limit"][0]))
        pattern, ids = self._pattern(path, tuple(value for name in query if "expand" in name for value in query[name]))
        shown = ",".join(self._made(pattern, ids, number) for number in reversed(range(begin, last)))
        return f'{{"object":"list","url":"{path}","has_more":{str(begin > first).lower()},"data":[{shown}]}}'

    def _created(self, number: int) -> int:
        return _BEGINNING + number * _SECONDS // self._count

    def _pattern(self, path: str, expand: tuple[str, ...]) -> tuple[str, frozenset[str]]:
        """What an object of the list looks like, and the ids in it."""
        if (path, expand) not in self._patterns:
            params: dict[str, Any] = {"limit": 1, "expand": list(expand)}
            if path == "/v1/payment_methods":
                params["customer"] = self._sandbox.call("GET", "/v1/customers")["data"][0]["id"]
            (found,) = self._sandbox.call("GET", path, params)["data"]
            text = json.dumps(found | {"created": "CREATED"}, separators=(",", ":"))
            self._patterns[path, expand] = text, frozenset(_OWN_IDS.findall(text))
        return self._patterns[path, expand]

    def _made(self, pattern: str, ids: frozenset[str], number: int) -> str:
        text = pattern.replace('"CREATED"', str(self._created(number))).replace("ACCOUNT", f"filled{number + 1}")
        for known in ids:
            text = text.replace(f'"{known}"', f'"{known}x{number}"')
        return text


def _number(stripe_id: str) -> int:
    found = _LISTED.search(stripe_id)
    return int(found[1]) if found else 0


def _settle(sandbox: Sandbox) -> None:
    """Make one of everything that is listed."""
    call = sandbox.call
    product = call("POST", "/v1/products", {"name": "Pro"})["id"]
    recurring = {"product": product, "currency": "usd", "unit_amount": 1900, "recurring": {"interval": "month"}}
    price = call("POST", "/v1/prices", recurring)["id"]
    metadata = {"account_id": "ACCOUNT", "deployment": "default"}
    customer = call("POST", "/v1/customers", {"email": "ada@example.com", "name": "Ada", "metadata": metadata})["id"]
    card = call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": customer})["id"]
    call("POST", f"/v1/customers/{customer}", {"invoice_settings": {"default_payment_method": card}})
    call("POST", "/v1/subscriptions", {"customer": customer, "items": [{"price": price}]})
    sandbox.advance(timedelta(hours=2))


async def main(port: int, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(Path(folder) / "stripe.sqlite3", start=datetime(2026, 1, 10, 12, 0, tzinfo=UTC))
        _settle(sandbox)
        server = await asyncio.start_server(Stub(sandbox, count).serve, "127.0.0.1", port)
        async with server:
            await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
