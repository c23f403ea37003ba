"""Starts the local Shopify: `python -m hookline_local.shopify --port 0`."""

import argparse
import asyncio
import gc
import os
import signal
import sys
import tempfile
from pathlib import Path

from aiohttp import web

from ..ports import HOST
from ..shop import STORE
from ..stdin import stop_when_closed
from . import schema, seeds, server
from .shops import App

# Default token of the samples' shop.
OPENED_BY = "shpat_local"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m hookline_local.shopify", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 picks a free port; the line on stdout names it")
    parser.add_argument("--seed", type=int, default=0, help="changes the generated ids")
    parser.add_argument("--stdin-watch", action="store_true", help="end when standard input is closed")
    parser.add_argument("--time-factor", type=float, default=3600.0, help="how many times faster webhooks are retried")
    parser.add_argument("--client-id", default="hookline-local")
    secret = os.environ.get("HOOKLINE_SHOPIFY_CLIENT_SECRET", "hush")
    parser.add_argument("--client-secret", default=secret, help="also HOOKLINE_SHOPIFY_CLIENT_SECRET; signs webhooks")
    parser.add_argument("--token", default=OPENED_BY, help=f"custom-app token of {STORE}")
    return parser.parse_args()


async def serve(options: argparse.Namespace, folder: Path) -> None:
    """Runs until interrupted."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.stdin_watch:
        stop_when_closed(stop)
    app = App(folder, options.client_id, options.client_secret, options.seed, faster=options.time_factor)
    shop = app.shop(STORE)
    seeds.fill(shop.catalogue)
    shop.title, shop.installed = "Juniper & Oak", True
    shop.tokens.install_custom(options.token)
    schema.load()
    # The schema is a million permanent objects, which the collector need not traverse again.
    gc.freeze()
    runner = web.AppRunner(server.make(app), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, options.port)
    await site.start()
    app.base_url = f"http://{HOST}:{runner.addresses[0][1]}"
    sys.stdout.write(f"listening on {app.base_url}\n")
    sys.stdout.flush()
    await stop.wait()
    for task in list(app.running):
        task.cancel()
    await app.sender.close()
    await runner.cleanup()


def main() -> None:
    """Starts the server; its files are removed at the end."""
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="hookline-shopify-") as folder:
        asyncio.run(serve(options, Path(folder)))


if __name__ == "__main__":
    main()
