"""`python -m hookline_local.abuse`: the most that a stranger can make us pay in a day.

docs/abuse.md has the table; tests/template compares the two. Everything is an upper bound: a flood that keeps every
route at its throttle all day. Prices and measured times are those of `hookline cost` (crates/cost).
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .places import REPOSITORY
from .translate import source, translated, whole

DAY = 86_400
PRICES = REPOSITORY / "crates/cost/src/prices.rs"
MEASURED = REPOSITORY / "crates/cost/src/measured.json"

# Dollars for a GB out of AWS, and for 10,000 reads of a secret (https://aws.amazon.com/ec2/pricing/on-demand/,
# https://aws.amazon.com/secrets-manager/pricing/; from memory, unverified).
OUT_PER_GB = 0.09
SECRET_READINGS = 0.05 / 10_000
# Bytes that API Gateway counts as one request, and the largest request that it accepts
# (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html).
PIECE, LARGEST = 512 * 1024, 10 * 1024 * 1024
# MB for one processor, bytes of an invocation's own log lines, and invocations per trace, as in crates/cost.
PROCESSOR_MB, PLATFORM_LOG, TRACED = 1_769, 650, 20
# Bytes of a line of an access log, including CloudWatch's overhead.
ACCESS_LINE = 220
# The panel's largest file, uncompressed; tests/template compares it with the built one.
LARGEST_FILE = 340_000
# The largest other public file of the panel's API: the description of the API.
LARGEST_OTHER = 220_000
# The panel's page.
PAGE = 8_000
# A call to DynamoDB, in ms, as `hookline cost` assumes it.
CALL_MS = 4
# Requests a second that API Gateway accepts per account and region (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html).
ACCOUNT_RATE = 10_000


@dataclass(frozen=True)
class Line:
    """One kind of abuse that a stranger can keep up all day."""

    what: str
    # Requests a second.
    rate: float
    # Dollars a day.
    usd: float


def price(name: str) -> float:
    """Price of one unit in dollars, from the table of `hookline cost`."""
    text = PRICES.read_text()
    whole = re.search(rf"pub const {name}: Price =\s*(.*?);\n", text, re.S)[1]
    if per_million := re.search(r"per_million\(\s*dec!\(([\d._]+)\)", whole):
        return number(per_million[1]) / 1_000_000
    usd, per = (number(re.search(rf"{field}: dec!\(([\d._]+)\)", whole)[1]) for field in ("usd", "per"))
    return usd / per


def number(text: str) -> float:
    """Parses a number as Rust writes it."""
    return float(text.replace("_", ""))


def rates(families: bool = False) -> dict[str, dict[str, float]]:
    """Default rate limit, in requests a second, of each route of each API; of families of events (`EventsOf`), too."""
    parameters = source()["Parameters"]

    def rate(settings: dict) -> float:
        value = settings["ThrottlingRateLimit"]
        return float(parameters[value["Ref"]]["Default"] if isinstance(value, dict) else value)

    resources = translated()["Resources"]
    found: dict[str, dict[str, float]] = {}
    for stage in (each["Properties"] for each in resources.values() if each["Type"] == "AWS::ApiGatewayV2::Stage"):
        api = stage["ApiId"]["Ref"]
        paths = resources[api]["Properties"].get("Body", {}).get("paths", {})
        paths = whole({path: methods for path, methods in paths.items() if families or "Fn::If" not in methods})
        routes = [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods] or ["$connect"]
        own = whole(stage.get("RouteSettings", {}))
        found[api] = {route: rate(own.get(route, stage["DefaultRouteSettings"])) for route in routes}
    return found


def open_routes() -> set[str]:
    """Routes of the panel's API that need no token."""
    document = translated()["Resources"]["HttpApi"]["Properties"]["Body"]
    return {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if not operation.get("security")
    }


def memory(function: str) -> float:
    """Default memory of a function in MB."""
    size = translated()["Resources"][function]["Properties"]["MemorySize"]
    return float(source()["Parameters"][size["Ref"]]["Default"] if isinstance(size, dict) else size)


def invocation(function: str, cpu_ms: float, waiting_ms: float, logged: float) -> float:
    """Price of one invocation in dollars: the call, its time, its log, its share of the traces."""
    slower = max(PROCESSOR_MB / memory(function), 1)
    seconds = math.ceil(cpu_ms * slower + waiting_ms) / 1000
    return (
        price("LAMBDA_REQUESTS")
        + seconds * memory(function) / 1024 * price("LAMBDA_X86_64")
        + (logged + PLATFORM_LOG) * price("LOGS")
        + price("TRACES") / TRACED
    )


def on_top(what: str, rates: list[float]) -> Line:
    """Share of the first line of the table that receivers with these throttles add."""
    measured = json.loads(MEASURED.read_text())["receiver"]
    access = ACCESS_LINE * price("LOGS")
    each = invocation("ProductsUpdateFunction", measured["cpu_ms"], 0, measured["logged"])
    readings = len(rates) * DAY / 60 * SECRET_READINGS
    return Line(what, sum(rates), sum(rates) * DAY * (price("HTTP_API") + access + each) + readings)


def optional() -> dict[str, float]:
    """Throttles of the receivers that a stack has only on demand, by route."""
    through, base = rates(families=True)["WebhooksApi"], rates()["WebhooksApi"]
    return {route: rate for route, rate in through.items() if route not in base}


def of_families() -> Line:
    """Every family of events."""
    return on_top("families of events", [rate for route, rate in optional().items() if "{endpoint}" not in route])


def of_sources() -> Line:
    """Every source other than Shopify."""
    return on_top("other sources", [rate for route, rate in optional().items() if "{endpoint}" in route])


def lines() -> Iterator[Line]:
    """Everything that needs neither a signature nor a token."""
    measured = json.loads(MEASURED.read_text())
    small = measured["receiver"]
    through = rates()
    access = ACCESS_LINE * price("LOGS")
    webhooks = sum(through["WebhooksApi"].values())

    refused = price("HTTP_API") + access + invocation("ProductsUpdateFunction", small["cpu_ms"], 0, small["logged"])
    readings = len(through["WebhooksApi"]) * DAY / 60 * SECRET_READINGS
    yield Line("webhooks with a wrong signature, small", webhooks, webhooks * DAY * refused + readings)

    # Above Lambda's limit of 6 MB, so no function is invoked; a body below it costs less, including all calls.
    refused = price("HTTP_API") * LARGEST / PIECE + access
    yield Line("webhooks as large as API Gateway accepts (10 MB)", webhooks, webhooks * DAY * refused)

    everybody = open_routes()
    closed = sum(rate for route, rate in through["HttpApi"].items() if route not in everybody)
    refused = price("HTTP_API") + access + price("READS") / 2 + invocation("AuthorizerFunction", 0.3, CALL_MS, 300)
    yield Line("invented tokens, at every route of the API", closed, closed * DAY * refused)

    served = price("HTTP_API") + access + invocation("PanelFunction", 0.3, 0, 200)
    files = {route: through["HttpApi"][route] for route in everybody}
    sizes = {"GET /assets/{asset}": LARGEST_FILE, "GET /api/openapi.json": LARGEST_OTHER}
    out = sum(rate * sizes.get(route, PAGE) / 1_000_000_000 * OUT_PER_GB for route, rate in files.items())
    rate = sum(files.values())
    yield Line("the panel's files, the largest of them, uncompressed", rate, DAY * (rate * served + out))

    connects = sum(through["LiveApi"].values())
    refused = price("WEBSOCKET") + price("WRITES") + invocation("AuthorizerFunction", 0.3, CALL_MS, 300)
    yield Line("sockets with invented tickets", connects, connects * DAY * refused)

    what = "requests above the throttles or to an unknown route: their line in the access log"
    yield Line(what, ACCOUNT_RATE, ACCOUNT_RATE * DAY * access)


def table() -> str:
    """The table of docs/abuse.md. Of the two lines about webhooks the total includes the one with small bodies."""
    found = list(lines())
    rows = [f"| {line.what} | {line.rate:,.0f} | {line.usd:,.0f} |" for line in found]
    total = sum(line.usd for line in found) - found[1].usd
    head = ["| all day long | a second | USD a day, at most |", "|---|---:|---:|"]
    return "\n".join([*head, *rows, f"| **all of it at once**, webhooks small | | **{total:,.0f}** |"])


if __name__ == "__main__":
    print(table())
