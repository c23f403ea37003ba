"""The whole stack as a context: servers up, template deployed, routes made; everything gone at the end."""

import json
import shutil
import signal
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import bridge, command, processes
from .client import Client, Delivery, signed
from .deploy import Credentials, check_built, deploy
from .places import CACHE
from .ports import HOST, Ports
from .shopkeeper import Shopkeeper

# The template's default.
INDEX = "hookline"


@dataclass(frozen=True)
class Stack:
    """A running stack."""

    ports: Ports
    folder: Path
    credentials: Credentials
    outputs: Mapping[str, str]
    client: Client
    # Base URL of the receivers, without the topic.
    receivers: str
    # URL of the WebSocket API.
    live: str

    @property
    def shopkeeper(self) -> Shopkeeper:
        """Shopkeeper of the samples' shop."""
        return Shopkeeper(f"http://{HOST}:{self.ports.shopify}")

    @property
    def hookline(self) -> command.Hookline:
        """`hookline`, configured for this stack."""
        return command.at(self.ports, self.outputs, addresses(self.receivers, self.client.base_url))

    @property
    def search_url(self) -> str:
        """URL of its search server."""
        return f"http://{HOST}:{self.ports.search}"

    def documents(self, store: str) -> int:
        """Number of documents that the index holds for a store."""
        query = json.dumps({"query": {"term": {"store": store}}}).encode()
        url = f"{self.search_url}/{INDEX}/_count"
        request = urllib.request.Request(url, query, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.load(response)["count"]
        except urllib.error.HTTPError as error:
            # The index does not exist before the first write.
            if error.code == 404:
                return 0
            raise

    def sign(self, topic: str, body: bytes, store: str, **details: str | None) -> Delivery:
        """A delivery signed with this stack's secret; details as in `client.signed`."""
        return signed(topic, body, secret=self.credentials.shopify, store=store, **details)


@contextmanager
def running(
    ports: Ports, say: Callable[[str], None] = lambda _: None, parameters: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """Starts a stack and stops it when the block is left, by Ctrl-C or SIGTERM too.

    Logs stay in the cache folder when the block fails, and the message says where.
    """
    check_built()
    runs = CACHE / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    forget_older(runs)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=runs))
    with ExitStack() as stopping, terminated_is_interrupted():
        try:
            say("starting the search server")
            stopping.callback(processes.start_search(ports, folder).stop)
            say("starting the emulated AWS")
            stopping.callback(processes.start_aws(ports, folder).stop)
            credentials = Credentials()
            say("starting the local Shopify")
            stopping.callback(processes.start_shopify(ports, folder, credentials.shopify).stop)
            say("deploying template.yaml with sam")
            outputs = deploy(ports, credentials, folder, parameters or {})
            say("connecting the routes")
            bridge.repair_numbers(ports)
            urls = bridge.add_routes(ports)
            receivers, live = urls["WebhooksApi"] + bridge.RECEIVERS, bridge.live_url(ports)
            posted_to = live.replace("ws:", "http:", 1)
            bridge.set_variables(ports, {"RECEIVER_URL": receivers, "LIVE_URL": live, "LIVE_ENDPOINT": posted_to})
            say("creating a token for all stores")
            hookline = command.at(ports, outputs, addresses(receivers, urls["HttpApi"]))
            token = hookline.token("--role", "admin", "--all-stores", "--name", "this run")
            client = Client(urls["HttpApi"], token, urls["WebhooksApi"])
            yield Stack(ports, folder, credentials, outputs, client, receivers, live)
        except KeyboardInterrupt:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        except BaseException as error:
            error.add_note(f"The logs are in {folder}")
            raise
    shutil.rmtree(folder, ignore_errors=True)


def addresses(receivers: str, api: str) -> dict[str, str]:
    """The variables of `hookline` that are addresses on this machine."""
    return {"RECEIVER_URL": receivers, "API_URL": api}


def forget_older(runs: Path) -> None:
    """Removes the folders of runs that failed or were killed more than a week ago."""
    for run in runs.iterdir():
        if time.time() - run.stat().st_mtime > 7 * 86400:
            shutil.rmtree(run, ignore_errors=True)


@contextmanager
def terminated_is_interrupted() -> Iterator[None]:
    """Turns SIGTERM and SIGHUP into KeyboardInterrupt, so that the same clean-up runs. Main thread only."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
