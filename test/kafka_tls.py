"""TLS before the brokers of a mock cluster, which speaks none itself."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from test.kafka_cluster import Cluster


@contextmanager
def encrypted(cluster: Cluster, context: ssl.SSLContext) -> Iterator[str]:
    """Let clients find the brokers behind TLS alone; yields the addresses there."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    fronts = [
        asyncio.run_coroutine_threadsafe(_front(address, context), loop).result(10)
        for address in cluster.addresses.split(",")
    ]
    ports = [it.sockets[0].getsockname()[1] for it in fronts]
    for number, port in enumerate(ports, 1):
        cluster.call("broker_set_host_port", number, "127.0.0.1", port)
    try:
        yield ",".join(f"127.0.0.1:{it}" for it in ports)
    finally:
        asyncio.run_coroutine_threadsafe(_end(fronts), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _front(address: str, context: ssl.SSLContext) -> asyncio.Server:
    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = address.rpartition(":")
        back_reader, back_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(_piped(reader, back_writer), _piped(back_reader, writer))

    return await asyncio.start_server(joined, "127.0.0.1", 0, ssl=context)


async def _piped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            while chunk := await reader.read(65_536):
                writer.write(chunk)
                await writer.drain()
    finally:
        writer.transport.abort()


async def _end(fronts: list[asyncio.Server]) -> None:
    for front in fronts:
        front.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)  # closed transports say so to the loop
