"""WSGI (PEP 3333): reads requests, and writes answers."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Protocol

from ._body import MAX_BODY_BYTES, BodyError, is_too_large

Environ = dict[str, Any]
Handle = Callable[[str, list[tuple[str, str]], bytes], tuple[int, list[tuple[str, str]], bytes]]


class StartResponse(Protocol):
    """Function of the server that begins an answer."""

    def __call__(self, status: str, headers: list[tuple[str, str]], /) -> object:
        """Sends status and headers."""


def serve_wsgi(
    handle: Handle, failed: Callable[[BodyError], int], environ: Environ, start_response: StartResponse
) -> list[bytes]:
    """Reads a request, handles it and answers it."""
    method = str(environ.get("REQUEST_METHOD", "GET"))
    try:
        body = _read(environ) if method == "POST" else b""
    except BodyError as error:
        status, headers, content = failed(error), [("content-length", "0")], b""
    else:
        status, headers, content = handle(method, list(_headers(environ)), body)
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [content]


def _headers(environ: Environ) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            yield name.removeprefix("HTTP_").replace("_", "-"), value


def _read(environ: Environ) -> bytes:
    declared = environ.get("CONTENT_LENGTH") or None
    if is_too_large(declared):
        raise BodyError.too_large()
    if declared is not None and not declared.isdigit():
        raise BodyError(400, "read", "Content-Length is not a number")
    # Without a length the body may only be read to its end where the server says that it has one.
    is_bounded = bool(environ.get("wsgi.input_terminated"))
    left = int(declared) if declared is not None else MAX_BODY_BYTES + 1 if is_bounded else 0
    body = bytearray()
    try:
        while left and (chunk := environ["wsgi.input"].read(left)):
            body += chunk
            left -= len(chunk)
    except OSError as error:
        raise BodyError(500, "read", "the body could not be read") from error
    if declared is not None and left:
        raise BodyError(
            500, "read", "the body is shorter than its Content-Length: the sender is gone, or other code has read it"
        )
    if len(body) > MAX_BODY_BYTES:
        raise BodyError.too_large()
    return bytes(body)
