"""`make dev`: the stack of the demo, left running. Ctrl-C ends it."""

import json
import os
import signal
import sys

from rich.console import Console
from rich.markup import escape

from . import stack
from .bridge import webhook_paths
from .deploy import DeployError
from .places import DEV_STACK
from .ports import PortTakenError, configured
from .processes import ServerError, start_endpoints
from .shop import STORE

console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    """Runs until interrupted."""
    try:
        with stack.running(configured(), lambda message: console.print(f"[dim]· {message}[/]")) as running:
            remember(running)
            endpoints, endpoints_url = start_endpoints(running.folder)
            try:
                introduce(running, endpoints_url)
                signal.pause()
            finally:
                endpoints.stop()
                DEV_STACK.unlink(missing_ok=True)
    except (PortTakenError, ServerError, DeployError) as problem:
        console.print(f"[red]{escape(str(problem))}[/]")
        return 2
    except KeyboardInterrupt:
        console.print("Stopped. Nothing is left running.")
    return 0


def remember(running: stack.Stack) -> None:
    """Records the stack's address and secrets for `make replay`; only their owner may read them."""
    DEV_STACK.unlink(missing_ok=True)
    details = {
        "pid": os.getpid(),
        "url": running.client.webhooks_url,
        "secret": running.credentials.shopify,
        "token": running.client.token,
    }
    with os.fdopen(os.open(DEV_STACK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(details, file)


def introduce(running: stack.Stack, endpoints_url: str) -> None:
    """Prints the addresses and what to try."""
    url, token = running.client.base_url, running.client.token
    console.print("\n[bold]Hookline is running.[/] See it live:")
    console.print(f"  panel  [bold]{url}/[/]")
    console.print(f"  token  {token}  (admin of all stores; works for the API too)")
    console.print(
        "\nOpen the panel and sign in with the token. Then send some webhooks from another terminal and watch:"
    )
    console.print("  make replay            # sends five samples; for one: EVENT=events/shopify/products-update.json")
    console.print("\nWebhooks go to:")
    for path in webhook_paths():
        console.print(f"  {running.client.webhooks_url}{path}")
    console.print(f"\nShopify client secret   {running.credentials.shopify}")
    console.print(f"AWS                     AWS_ENDPOINT_URL=http://127.0.0.1:{running.ports.aws} (any credentials)")
    console.print(f"Search server           {running.search_url}/{stack.INDEX}/_search")
    console.print(f"Logs                    {running.folder}")
    console.print("\nOr call the API:")
    console.print(f"  curl -H 'Authorization: Bearer {token}' '{url}/api/stores/{STORE}/search?q=stove'")
    console.print(f"  curl -H 'Authorization: Bearer {token}' '{url}/api/stores/{STORE}/status'")
    console.print(
        "\nOr send the events of a store that has had a webhook to a handler of yours, as signed webhooks (make cli):"
    )
    # In quotation marks, because the emulator's addresses end with `$default`.
    console.print(f"  export HOOKLINE_TOKEN={token} API_URL='{url}'")
    console.print(f"  hookline listen {STORE} --forward http://localhost:3000/webhooks")
    console.print("The handlers in sdk/ are ready to try: sdk/README.md says how. Handlers that misbehave are running:")
    console.print(f"  hookline listen {STORE} --forward {endpoints_url}/fails-every-second")
    console.print("local/hookline_local/endpoints/README.md lists what they do.")
    console.print("\nPress Ctrl-C to stop.")


if __name__ == "__main__":
    sys.exit(main())
