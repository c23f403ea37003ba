"""Checks how many functions an account runs at once, and how many of them consumers may take from receivers."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .places import REPOSITORY
from .translate import source

if TYPE_CHECKING:
    from .preflight import Plan

# Families of events, as the parameter EventsOf names them.
FAMILIES = ("orders", "customers", "payments", "shipping")
FUNCTIONS = REPOSITORY / "functions"
# live-push runs once for each of its streams.
STREAMS = 2
# Minimum unreserved concurrency of an account (https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html).
UNRESERVED = 100
# Concurrency to leave for receivers, the panel and the authorizer: a receiver takes a few milliseconds.
MIN_REMAINING, COMFORTABLE = 2, 10
FAIR = 4


@cache
def conditions() -> list[str]:
    """Condition of each receiver, empty for one that every stack has. Receivers use this crate, as in the Makefile."""
    return [
        resource.get("Condition", "")
        for resource in source()["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
        and "hookline-wiring" in (FUNCTIONS / Path(resource["Properties"]["CodeUri"]).name / "Cargo.toml").read_text()
    ]


def receivers(parameters: Mapping[str, str]) -> int:
    """Number of receivers that a stack with these parameters has, with those of families and of further sources."""
    families = filter(None, parameters.get("EventsOf", "").split(","))
    wanted = {"", *(f"EventsOf{family.capitalize()}" for family in families)}
    keys = {name.removesuffix("KeysArn") for name, value in parameters.items() if name.endswith("KeysArn") and value}
    wanted |= {f"Has{source}" for source in keys}
    return sum(condition in wanted for condition in conditions())


def concurrency(plan: "Plan", lambdas: Any) -> Iterator[tuple[str, str]]:
    """Compares the account's limit with what queues and streams may take."""
    limit = lambdas.get_account_settings()["AccountLimit"]
    account, unreserved = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    reindex, sync = int(plan.parameters["ReindexConcurrency"]), int(plan.parameters["SyncConcurrency"])
    # Without an event bus, events wait in the fan-out queue while somebody runs `hookline listen` or has an endpoint.
    fan_out = int(plan.parameters["FanOutConcurrency"])
    posting = int(plan.parameters["DispatchConcurrency"]) + int(plan.parameters["SlowDispatchConcurrency"])
    always, sometimes = (fan_out, 0) if plan.parameters["EventBusArn"] else (0, fan_out)
    count = receivers(plan.parameters)
    reserved = count * int(plan.parameters["ReceiverReservedConcurrency"])
    # Concurrency that this stack has already reserved is available to it.
    free = unreserved + receivers(plan.before) * int(plan.before.get("ReceiverReservedConcurrency", 0))
    taken = reindex + sync + always + STREAMS
    remaining = free - taken
    listening = f", and {max(remaining - sometimes, 0)} while `hookline listen` runs" if sometimes else ""
    listening += f", and {max(remaining - sometimes - posting, 0)} while webhooks are posted to endpoints"
    here = f"this account runs {account} functions at once in {plan.region}, of which {free} are free"
    more = "ask AWS for more (Service Quotas, Lambda, Concurrent executions)"
    if reserved and free - reserved < UNRESERVED:
        yield (
            "STOP",
            (
                f"{here}; ReceiverReservedConcurrency would reserve {reserved} for the {count} receivers, and "
                f"Lambda wants {UNRESERVED} left: leave it at 0, or {more}"
            ),
        )
    elif not reserved and remaining < MIN_REMAINING:
        yield (
            "STOP",
            (
                f"{here}; queues and streams may take {taken}, which starves the receivers, and Shopify gets "
                f"5xx: lower ReindexConcurrency ({reindex}; {FAIR} is the least that is fair) or "
                f"SyncConcurrency ({sync}) with MORE=, or {more}"
            ),
        )
    elif not reserved and remaining - sometimes < COMFORTABLE:
        yield (
            "WARN",
            f"{here}; {remaining} are left for receivers and the panel when all queues are busy{listening}: enough to "
            f"begin with; later {more}",
        )
    if reindex < FAIR:
        yield (
            "WARN",
            f"ReindexConcurrency is {reindex}: below {FAIR} SQS cannot detect a noisy store, which may delay others",
        )
