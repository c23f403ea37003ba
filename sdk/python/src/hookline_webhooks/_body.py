"""Limits of bodies."""

MAX_BODY_BYTES = 1024 * 1024
"""Maximum size of a body. Hookline sends at most 256 KiB."""


class BodyError(Exception):
    """Failure to read a body: the status to answer, a reason as in `Failure`, and a sentence."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        """The message is a sentence for the log."""
        super().__init__(message)
        self.status = status
        self.reason = reason

    @classmethod
    def too_large(cls) -> "BodyError":
        """The body is over the limit."""
        return cls(413, "size", f"the body is over {MAX_BODY_BYTES} bytes")


def is_too_large(declared: str | None) -> bool:
    """Returns true if a `Content-Length` is over the limit."""
    return declared is not None and declared.isascii() and declared.isdigit() and int(declared) > MAX_BODY_BYTES
