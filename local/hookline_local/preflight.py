"""`make check-account`: checks the account before a deployment and reports what would fail later or silently.

A setting that would certainly fail stops the deployment. One that may be intended is reported, and the deployment goes
on. So is one that may not be read: a role that only deploys need not have permission to read everything.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache

from . import preflight_search as search
from . import preflight_secret as secret
from .preflight_account import concurrency
from .region import NoRegionError, region
from .stacks import NoStackError, StackError, client, describe, describe_error, impediment, parameters
from .translate import source


class Weight(Enum):
    """Severity of a finding."""

    STOP = "✗"
    WARN = "!"
    NOTE = "·"


@dataclass(frozen=True)
class Finding:
    """A sentence about the account, and its weight."""

    weight: Weight
    text: str


@dataclass(frozen=True)
class Plan:
    """A deployment that is about to happen."""

    stack: str
    region: str
    # Parameters by name: as given, else as in the stack, else the template's defaults.
    parameters: Mapping[str, str]
    # Current parameters of the stack; empty for a new one.
    before: Mapping[str, str]


@cache
def defaults() -> Mapping[str, str]:
    """The template's defaults."""
    return {name: str(each["Default"]) for name, each in source_parameters().items() if "Default" in each}


@cache
def source_parameters() -> Mapping[str, Mapping[str, object]]:
    """The template's parameters."""
    return source()["Parameters"]


def plan_for(stack: str, where: str, environment: Mapping[str, str], before: Mapping[str, str]) -> Plan:
    """Plan of `make deploy` with these variables."""
    named = {
        "ShopifyClientSecretsArn": environment.get("SHOPIFY_CLIENT_SECRETS_ARN", ""),
        "OpenSearchUrl": environment.get("OPENSEARCH_URL", ""),
        "OpenSearchArn": environment.get("OPENSEARCH_ARN", ""),
    }
    more = dict(word.split("=", 1) for word in shlex.split(environment.get("MORE", "")) if "=" in word)
    if unknown := set(more) - set(source_parameters()):
        raise ValueError(f"the template has no parameter {', '.join(sorted(unknown))}")
    return Plan(
        stack, where, defaults() | dict(before) | {name: value for name, value in named.items() if value} | more, before
    )


def findings(stack: str, where: str, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yields all findings."""
    before: dict[str, str] = {}
    try:
        described = describe(stack, where)
        if problem := impediment(stack, described.get("StackStatus", ""), where):
            yield Finding(Weight.STOP, problem)
        before = parameters(described)
    except NoStackError:
        pass
    except StackError as problem:
        # Without CloudFormation there is no deployment, and without credentials nothing else can be checked.
        yield Finding(Weight.STOP, str(problem))
        return
    try:
        plan = plan_for(stack, where, environment, before)
    except ValueError as problem:
        yield Finding(Weight.STOP, f"MORE= is malformed ({problem}): write MORE='Name=value Other=value'")
        return
    yield from run_check("the account's concurrency", lambda: concurrency(plan, client("lambda", where)))
    yield from run_check("the secret", lambda: secret.check(plan, lambda service: client(service, where)))
    yield from run_check("the search index", lambda: search.check(plan, lambda service: client(service, where)))
    if not plan.parameters.get("AlarmTopicArn") and not plan.parameters.get("AlarmEmail"):
        yield Finding(Weight.NOTE, "alarms will not notify anybody: add MORE='AlarmEmail=you@example.com'")


def run_check(subject: str, check: Callable[[], Iterator[tuple[str, str]]]) -> Iterator[Finding]:
    """Runs one check; without permission or a response, yields a warning about that."""
    try:
        for weight, text in check():
            yield Finding(Weight[weight], text)
    except Exception as error:
        # A check that cannot run must not stop the deployment.
        yield Finding(Weight.WARN, f"{subject} could not be checked; the deployment continues: {describe_error(error)}")


def main(arguments: list[str]) -> int:
    """Prints the findings; returns 1 if the deployment would fail."""
    parser = argparse.ArgumentParser(prog="make check-account", usage="make check-account [STACK= REGION= MORE=]")
    parser.add_argument("--stack", required=True)
    parser.add_argument("--region", default="")
    options = parser.parse_args(arguments)
    try:
        where = region(options.region)
    except NoRegionError as problem:
        print(f"✗ {problem}", file=sys.stderr)
        return 1
    found = list(findings(options.stack, where, os.environ))
    for each in found:
        print(f"{each.weight.value} {each.text}", file=sys.stderr)
    if any(each.weight is Weight.STOP for each in found):
        print("Nothing was deployed. To deploy anyway: CHECK_ACCOUNT=no", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
