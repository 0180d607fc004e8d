"""A Stripe that answers from memory as fast as it can: the API side of the measurement, in a process of its own.

It knows the lives of so many customers. `POST /stage/<customer>/<stage>` moves one on; `GET /calls` says how often
it was asked; `POST /delay/<milliseconds>` makes it as far away as that.
"""

import asyncio
import json
import sys
from pathlib import Path

from tests.bench.sync.lives import ALONE, Life

# Whoever looks after the inbox reads these now and then: nothing is missing.
_KNOWN = {
    "/v1/account": {"id": "acct_bench", "object": "account"},
    "/v1/events": {"object": "list", "url": "/v1/events", "data": [], "has_more": False},
    "/v2/core/events": {"data": [], "next_page_url": None, "previous_page_url": None},
}


class Stub:
    """The answers, where each customer stands, and how often anything was asked."""

    def __init__(self, life: Life, customers: int) -> None:
        self._life = life
        self._last = len(life.answers) - 1
        self._stages = [self._last] * customers
        self._delay = 0.0
        self._calls = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests until it closes."""
        while request := await reader.readline():
            _, target, _ = request.decode().split(" ", 2)
            length = 0
            while (line := await reader.readline()) not in (b"\r\n", b""):
                name, _, value = line.decode().partition(":")
                if name.lower() == "content-length":
                    length = int(value)
            await reader.readexactly(length)
            path, _, query = target.partition("?")
            status, body = await self._answer(path, is_alone="payments.data" in query and "=customer" not in query)
            head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
        writer.close()

    async def _answer(self, path: str, *, is_alone: bool) -> tuple[str, bytes]:
        _, first, *rest = path.split("/")
        if first in ("v1", "v2"):
            return await self._stripe(path, is_alone=is_alone)
        if first == "stage":
            self._stages[int(rest[0])] = int(rest[1])
        elif first == "delay":
            self._delay = int(rest[0]) / 1000
        elif first == "reset":
            self._stages = [int(rest[0])] * len(self._stages)
            self._calls = 0
        return "200 OK", json.dumps({"calls": self._calls}).encode()

    async def _stripe(self, path: str, *, is_alone: bool) -> tuple[str, bytes]:
        if path in _KNOWN:
            return "200 OK", json.dumps(_KNOWN[path]).encode()
        self._calls += 1
        # Read as the question arrives, told after the way back: as old as an answer can be.
        known, _, number = path.rpartition("x")
        answers = self._life.answers[self._stages[int(number)]] if number.isdigit() else {}
        if self._delay:
            await asyncio.sleep(self._delay)
        if known not in answers:
            missing = {"type": "invalid_request_error", "code": "resource_missing", "message": f"No such {path}"}
            return "404 Not Found", json.dumps({"error": missing}).encode()
        return "200 OK", self._life.of(int(number), answers[known + ALONE * is_alone]).encode()


async def main(port: int, customers: int, life: Path) -> None:
    stub = Stub(Life.read(life), customers)
    server = await asyncio.start_server(stub.serve, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
