"""Starts a server of webhook endpoints, good and bad, on loopback.

Prints one line of JSON when it is ready, and ends on SIGTERM, SIGINT or, with --until-stdin-closes, when standard
input closes. Send a webhook to http://127.0.0.1:PORT/NAME or /NAME/INSTANCE, where INSTANCE is any text: instances
are counted and configured apart. `--list` prints the names.
"""

import argparse
import asyncio
import json
import resource
import signal
import sys
from pathlib import Path

from ..stdin import stop_when_closed
from . import table, tls
from .server import Server


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m hookline_local.endpoints",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: --http-port 9400 --control-port 9401, then curl -i -d '{}' http://127.0.0.1:9400/gone",
    )
    parser.add_argument(
        "--http-port", type=int, default=0, help="port of the endpoints; 0, the default, takes a free one"
    )
    parser.add_argument("--control-port", type=int, default=0, help="port of control; 0, the default, takes a free one")
    parser.add_argument(
        "--certificates",
        type=Path,
        metavar="FOLDER",
        help="opens the endpoints that have a certificate: FOLDER/NAME.pem has chain and key of each",
    )
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input closes")
    parser.add_argument("--list", action="store_true", help="print number, name and description of each and end")
    return parser.parse_args()


async def serve(options: argparse.Namespace) -> None:
    """Runs until interrupted."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = Server()
    try:
        await run(server, options, stop)
    finally:
        await server.close()


async def run(server: Server, options: argparse.Namespace, stop: asyncio.Event) -> None:
    """Starts the server, prints its line, and waits for the end or a fault of the server's own."""
    try:
        ready = await server.start(options.certificates, options.http_port, options.control_port)
    except (tls.CertificateError, OSError) as error:
        sys.exit(f"the endpoints cannot start: {error}")
    if options.until_stdin_closes:
        stop_when_closed(stop)
    print(json.dumps(ready), flush=True)
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait([stopped, server.failed], return_when=asyncio.FIRST_COMPLETED)
    if server.failed.done():
        server.failed.result()


def main() -> None:
    """Starts the server, with as many connections as the machine allows."""
    options = arguments()
    if options.list:
        for row in table.rows():
            print(f"{row['number']:>2}  {row['name']:<24}{row['does']}")
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
