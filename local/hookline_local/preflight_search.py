"""Checks the OpenSearch domain or collection that functions write to: a wrong one shows late, as parked events."""

import json
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from .preflight import Plan

Findings = Iterator[tuple[str, str]]


def check(plan: "Plan", client: Callable[[str], Any]) -> Findings:
    """Checks that functions can reach the index, and names the steps that the template cannot take."""
    arn = plan.parameters.get("OpenSearchArn", "")
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] not in ("es", "aoss"):
        yield "STOP", f"OPENSEARCH_ARN= is {arn or 'nothing'}, which is not the ARN of a domain or a collection"
        return
    service, region, name = parts[2], parts[3], parts[5].partition("/")[2]
    if region != plan.region:
        yield (
            "STOP",
            f"the index is in {region}, and functions in {plan.region} sign for {plan.region}: deploy there",
        )
        return
    yield from (domain if service == "es" else collection)(plan, name, client)


def domain(plan: "Plan", name: str, client: Callable[[str], Any]) -> Findings:
    """Checks a domain of OpenSearch Service."""
    try:
        found = client("opensearch").describe_domain(DomainName=name)["DomainStatus"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            yield "STOP", f"there is no domain {name} in {plan.region}"
            return
        raise
    endpoints = [found.get("Endpoint"), found.get("EndpointV2"), *found.get("Endpoints", {}).values()]
    endpoints.append(found.get("DomainEndpointOptions", {}).get("CustomEndpoint"))
    yield from address(plan, f"the domain {name}", [each for each in endpoints if each])
    if found.get("Deleted"):
        yield "STOP", f"the domain {name} is being deleted"
    if not found.get("EngineVersion", "OpenSearch_").startswith("OpenSearch_"):
        yield "WARN", f"the domain {name} runs {found['EngineVersion']}: Hookline is tested with OpenSearch only"
    if found.get("VPCOptions", {}).get("VPCId") and not is_set(plan, "Subnet"):
        yield (
            "STOP",
            (
                f"the domain {name} is inside the VPC {found['VPCOptions']['VPCId']}, which functions elsewhere cannot "
                "reach: name its subnets and security groups with MORE= (docs/operations.md, Managed domain)"
            ),
        )
    if found.get("AdvancedSecurityOptions", {}).get("Enabled"):
        yield (
            "WARN",
            (
                f"the domain {name} has fine-grained access control: until the roles of reindex, sync and search "
                "are mapped there it answers 403, and every event is parked (docs/operations.md, Managed domain)"
            ),
        )
    if found.get("ClusterConfig", {}).get("MultiAZWithStandbyEnabled") and not is_set(plan, "Replicas"):
        yield (
            "WARN",
            (
                f"the domain {name} is Multi-AZ with Standby, and accepts only indices with two replicas: set their "
                "number with MORE= (docs/operations.md, Managed domain)"
            ),
        )


def collection(plan: "Plan", name: str, client: Callable[[str], Any]) -> Findings:
    """Checks a collection of OpenSearch Serverless."""
    serverless = client("opensearchserverless")
    found = serverless.batch_get_collection(ids=[name])["collectionDetails"]
    if not found:
        yield "STOP", f"there is no collection {name} in {plan.region}"
        return
    details = found[0]
    called = f"the collection {details['name']}"
    if details.get("status") != "ACTIVE":
        yield "STOP", f"{called} is {details.get('status')}, not ACTIVE"
    if details.get("type") != "SEARCH":
        yield "STOP", f"{called} is of type {details.get('type')}: documents with our own ids need type SEARCH"
    yield from address(plan, called, [each for each in [details.get("collectionEndpoint")] if each])
    yield from capacity(called, details, serverless)
    if not is_set(plan, "Subnet") and not is_public(details["name"], serverless):
        yield (
            "STOP",
            f"no network policy opens {called} to the public, from where functions connect: create one "
            "(docs/operations.md, OpenSearch Serverless)",
        )


def capacity(called: str, details: dict[str, Any], serverless: Any) -> Findings:
    """Cost of an idle collection, and how long it sleeps."""
    group = details.get("collectionGroupName")
    groups = serverless.batch_get_collection_group(names=[group])["collectionGroupDetails"] if group else []
    if groups and groups[0].get("generation") == "NEXTGEN":
        limits = groups[0].get("capacityLimits", {})
        asleep = [kind for kind in ("Indexing", "Search") if not limits.get(f"min{kind}CapacityInOCU")]
        if asleep:
            yield (
                "WARN",
                (
                    f"{called} sleeps after ten idle minutes (its minimum capacity for {' and '.join(asleep).lower()} "
                    "is 0): the first webhook and the first search after that wait 10 to 30 s. In production set 1 OCU"
                ),
            )
    else:
        yield "NOTE", f"{called} costs its minimum capacity even when idle: docs/costs.md"


def is_public(name: str, serverless: Any) -> bool:
    """Returns whether a network policy opens a collection to the public; permissions are another matter."""
    resource = f"collection/{name}"
    summaries = serverless.list_security_policies(type="network", resource=[resource])["securityPolicySummaries"]
    for summary in summaries:
        policy = serverless.get_security_policy(type="network", name=summary["name"])["securityPolicyDetail"]["policy"]
        for entry in json.loads(policy) if isinstance(policy, str) else policy:
            patterns = [
                pattern
                for rule in entry.get("Rules", [])
                if rule.get("ResourceType") == "collection"
                for pattern in rule.get("Resource", [])
            ]
            if entry.get("AllowFromPublic") and any(fnmatchcase(resource, pattern) for pattern in patterns):
                return True
    return False


def address(plan: "Plan", called: str, endpoints: list[str]) -> Findings:
    """Checks that the configured address is one of the index's."""
    if not endpoints:
        yield "STOP", f"{called} has no address yet: wait until it is active"
        return
    hosts = {urlsplit(each if "//" in each else f"//{each}").hostname for each in endpoints}
    url = urlsplit(plan.parameters.get("OpenSearchUrl", ""))
    if url.hostname not in hosts:
        listed = ", ".join(sorted(f"https://{host}" for host in hosts if host))
        yield "STOP", f"OPENSEARCH_URL= is {url.geturl() or 'nothing'}, and {called} is at {listed}"
    elif url.scheme != "https":
        yield "STOP", f"OPENSEARCH_URL= must begin with https: {called} is at https://{url.hostname}"


def is_set(plan: "Plan", part: str) -> bool:
    """Returns whether a parameter whose name contains `part` is set."""
    return any(part in name and value for name, value in plan.parameters.items())
