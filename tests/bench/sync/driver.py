"""Delivers events as Stripe would: signed, over keep-alive connections, each waiting for its answer."""

import asyncio
import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import stripe


@dataclass(frozen=True)
class Delivery:
    """An event to post; `stage` is where its customer has got to at Stripe by then (None: where it stands)."""

    customer: int
    body: str
    stage: int | None = None


def signed(body: str, secret: str) -> bytes:
    """The request that delivers `body`."""
    header = stripe.WebhookSignature.generate_signature_header(body, secret)
    content = body.encode()
    head = (
        "POST /webhooks/stripe HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Stripe-Signature: {header}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def deliver(ports: Sequence[int], stub_port: int, lanes: Sequence[Iterable[Delivery]], secret: str) -> float:
    """Deliver each of `lanes` over a connection of its own, all at once, to the ports in turns; the seconds it took."""
    prepared = [[(each, signed(each.body, secret)) for each in lane] for lane in lanes]

    async def post(lane: list[tuple[Delivery, bytes]], port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        stub_reader, stub_writer = await asyncio.open_connection("127.0.0.1", stub_port)
        for delivery, request in lane:
            if delivery.stage is not None:
                await ask(stub_reader, stub_writer, f"/stage/{delivery.customer}/{delivery.stage}")
            writer.write(request)
            status, _ = await answer(reader)
            if status != 200:
                raise RuntimeError(f"a delivery was answered {status}")
        writer.close()
        stub_writer.close()

    async def all_lanes() -> None:
        await asyncio.gather(*map(post, prepared, itertools.cycle(ports)))

    began = time.perf_counter()
    asyncio.run(all_lanes())
    return time.perf_counter() - began


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> bytes:
    """What the stub answers at `path`."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return (await answer(reader))[1]


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of the next answer."""
    status = int((await reader.readline()).split()[1])
    length = 0
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode().partition(":")
        if name.lower() == "content-length":
            length = int(value)
    return status, await reader.readexactly(length)


def spread(deliveries: Sequence[Delivery], connections: int) -> list[list[Delivery]]:
    """The deliveries dealt out to so many connections, a customer's all to the same one, in order."""
    lanes: list[list[Delivery]] = [[] for _ in range(connections)]
    for customer, group in itertools.groupby(deliveries, key=lambda each: each.customer):
        lanes[customer % connections].extend(group)
    return lanes
