"""Behaviours that break HTTP, or keep to its letter only."""

import asyncio
import functools
import struct
import zlib

from .answers import Play
from .exchange import End, Exchange
from .requests import answer_head

DRIPPED_BYTES = 100_000
BROKEN_BODY_BYTES = 1_000
MEBIBYTE = 1_048_576
BOMB_MEBIBYTES = 64


async def silence(exchange: Exchange) -> End:
    """Never answers."""
    return await exchange.wait_for_peer()


async def raw(exchange: Exchange) -> End:
    """Sends given bytes."""
    given = exchange.parameters
    await exchange.send(given["says"].encode("latin-1"))
    exchange.answered()
    if given["ends"] == "wait":
        return await exchange.wait_for_peer()
    return End(given["ends"])


async def drip_head(exchange: Exchange) -> End:
    """Sends a head that never ends, byte by byte."""
    head = answer_head(200, [("x-drip", "")]).rstrip(b"\r\n")
    for byte in head:
        await exchange.send(bytes([byte]))
        await asyncio.sleep(exchange.parameters["between_seconds"])
    while True:
        await exchange.send(b".")
        await asyncio.sleep(exchange.parameters["between_seconds"])


async def drip_body(exchange: Exchange) -> End:
    """Sends a body byte by byte."""
    given = exchange.parameters
    await exchange.send(answer_head(given["status"], [("content-length", str(DRIPPED_BYTES))]))
    for _ in range(DRIPPED_BYTES):
        await asyncio.sleep(given["between_seconds"])
        await exchange.send(b".")
    exchange.answered()
    return End.CLOSE


async def endless_body(exchange: Exchange) -> End:
    """Sends a body without end."""
    await exchange.send(answer_head(exchange.parameters["status"], [("transfer-encoding", "chunked")]))
    chunk = b"4000\r\n" + b"." * 0x4000 + b"\r\n"
    while True:
        await exchange.send(chunk)
        # Others have their turn, however fast the peer is.
        await asyncio.sleep(0)


async def endless_interim(exchange: Exchange) -> End:
    """Sends interim answers without end."""
    while True:
        await exchange.send(answer_head(103, []))
        await asyncio.sleep(exchange.parameters["between_seconds"])


async def many_headers(exchange: Exchange) -> End:
    """Sends exactly `lines` headers, each line of `bytes` bytes, except a first one with the length."""
    given = exchange.parameters
    is_framed = given["lines"] > 1
    lines = [("content-length", "0")] if is_framed else []
    for number in range(given["lines"] - len(lines)):
        name = f"x-{number:06}"
        lines.append((name, "a" * (given["bytes"] - len(name) - len(": \r\n"))))
    await exchange.send(answer_head(200, lines))
    exchange.answered()
    return End.KEEP if is_framed and exchange.seen.head.keeps_alive else End.CLOSE


async def reset_mid_body(exchange: Exchange) -> End:
    """Resets within the body. The head has a moment to arrive, because a reset may overtake what was not read."""
    given = exchange.parameters
    await exchange.send(answer_head(given["status"], [("content-length", str(BROKEN_BODY_BYTES))]))
    await exchange.send(b"." * (BROKEN_BODY_BYTES // 2))
    await asyncio.sleep(given["between_seconds"])
    return End.RESET


async def answer_early(exchange: Exchange) -> End:
    """Answers before it reads the body, if it reads that at all."""
    given = exchange.parameters
    end = await exchange.answer(given["status"])
    if not given["reads_on"]:
        return End.CLOSE
    return end if await exchange.read_body() else End.CLOSE


async def gzip_bomb(exchange: Exchange) -> End:
    """Sends little that unpacks to much."""
    headers = [("content-type", "text/plain"), ("content-encoding", "gzip")]
    return await exchange.answer(exchange.parameters["status"], headers, bomb())


@functools.cache
def bomb() -> bytes:
    """64 MiB of zeros in gzip: a mebibyte packed once and repeated, which a full flush allows."""
    zeros = bytes(MEBIBYTE)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(BOMB_MEBIBYTES):
        checksum = zlib.crc32(zeros, checksum)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    return head + block * BOMB_MEBIBYTES + packer.flush() + struct.pack("<II", checksum, BOMB_MEBIBYTES * MEBIBYTE)


# Those that are played before the body of the request is read.
EARLY = frozenset({"answer_early"})

PLAYS: dict[str, Play] = {
    play.__name__: play
    for play in (
        silence,
        raw,
        drip_head,
        drip_body,
        endless_body,
        endless_interim,
        many_headers,
        reset_mid_body,
        answer_early,
        gzip_bomb,
    )
}
