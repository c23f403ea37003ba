"""Receives Hookline's webhooks with the standard library's server, and logs a line for each.

pip install hookline-webhooks          # see ../README.md
HOOKLINE_SECRET=whsec_… PORT=3000 python3 server.py

During a rotation HOOKLINE_SECRET holds both secrets, with a comma between them. In production, serve `handler.wsgi`
with gunicorn, or `handler.asgi` with uvicorn.
"""

import logging
import os
import sys
import threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

from hookline_webhooks import Event, Failure, RecentIds, Skipped, create_webhook_handler

LOG = logging.getLogger("webhooks")


class Newest:
    """The newest version of each thing.

    In production: a column of the thing's own row, and `UPDATE … SET version = %s WHERE id = %s AND version <= %s`,
    which also works for several processes.
    """

    def __init__(self) -> None:
        """Nothing yet."""
        self._versions: dict[tuple[str, ...], int] = {}
        self._lock = threading.Lock()

    def is_older(self, event: Event) -> bool:
        """Returns true if a newer state of the event's subject was here before."""
        store, subject = event["store"], event["subject"]
        if subject["version"] is None:
            return False
        key = (store["source"], store["id"], subject["kind"], subject["id"])
        version = int(subject["version"])
        with self._lock:
            # Two events of one state have the same version.
            if version < self._versions.get(key, version):
                return True
            self._versions[key] = version
        return False


NEWEST = Newest()


def receive(event: Event) -> None:
    """Puts the event on a queue of yours: work comes after the answer. After an exception it is sent again."""
    if NEWEST.is_older(event):
        LOG.info("skipped: older")
        return
    LOG.info("handled: %s %s/%s", event["type"], event["subject"]["kind"], event["subject"]["id"])


def log_skipped(skipped: Skipped) -> None:
    """Logs what no callback wants, or has had."""
    LOG.info("skipped: %s", skipped.reason)


def log_failure(failure: Failure) -> None:
    """Logs why a request was refused."""
    LOG.info("refused: %s", failure.reason)


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each request."""

    daemon_threads = True


def main() -> None:
    """Serves until Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if not (secrets := os.environ.get("HOOKLINE_SECRET")):
        sys.exit("HOOKLINE_SECRET is missing: set it to the secret of the endpoint")
    # Verifies the signature over the bytes of the body, refuses times over 5 minutes off, and answers 204, or 400, 403,
    # 405, 413.
    handler = create_webhook_handler(
        secrets=secrets.split(","),
        on_inventory_change=receive,
        on_order_complete=receive,
        on_product_change=receive,
        # on={"order.created": receive},     # any other type
        # Ids of one process. In production: an object with `has` and `add` over a table with a unique key.
        seen=RecentIds(),
        on_skipped=log_skipped,
        on_failure=log_failure,
    )
    port = int(os.environ.get("PORT", "3000"))
    with make_server("127.0.0.1", port, handler.wsgi, Server) as server:
        LOG.info("listening on http://127.0.0.1:%s/webhooks", port)
        server.serve_forever()


if __name__ == "__main__":
    main()
