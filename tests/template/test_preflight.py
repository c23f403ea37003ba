"""`make check-account`: responses in AWS's own shapes become sentences, and denied requests become warnings."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import NoCredentialsError
from botocore.stub import Stubber
from hookline_local import preflight, preflight_account, preflight_search, preflight_secret, stacks
from hookline_local.places import REPOSITORY, tool
from hookline_local.preflight import Weight, plan_for
from hookline_local.region import NoRegionError, region

REGION = "eu-west-1"
SECRET = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:shopify-AbC123"
DOMAIN = f"arn:aws:es:{REGION}:123456789012:domain/catalogue"
COLLECTION = f"arn:aws:aoss:{REGION}:123456789012:collection/abc123"
HOST = "search-catalogue-x.eu-west-1.es.amazonaws.com"
SERVERLESS_HOST = "abc123.eu-west-1.aoss.amazonaws.com"
REQUIRED_PARAMETERS = {
    "SHOPIFY_CLIENT_SECRETS_ARN": SECRET,
    "OPENSEARCH_URL": f"https://{HOST}",
    "OPENSEARCH_ARN": DOMAIN,
}
# A single session, because it caches the models.
SESSION = botocore.session.get_session()
SESSION.set_credentials("test", "test")

Answer = tuple[str, dict[str, Any] | str]


def answering(*answers: Answer) -> Callable[[str], Any]:
    """Clients of `service.operation` answers, in their order; a text is the code of an error. Shapes are botocore's."""
    clients: dict[str, tuple[Any, Stubber]] = {}
    for name, answer in answers:
        service, operation = name.split(".")
        if service not in clients:
            client = SESSION.create_client(service, region_name=REGION)
            clients[service] = client, Stubber(client)
            clients[service][1].activate()
        if isinstance(answer, str):
            clients[service][1].add_client_error(operation, service_error_code=answer, service_message="because")
        else:
            clients[service][1].add_response(operation, answer)
    return lambda service: clients[service][0]


def plan(more: str = "", before: dict[str, str] | None = None, **changes: str) -> preflight.Plan:
    """A plan for the tests."""
    return plan_for("hookline", REGION, REQUIRED_PARAMETERS | changes | {"MORE": more}, before or {})


BUS = "arn:aws:events:eu-west-1:123456789012:event-bus/listeners"


def limits(account: int, unreserved: int | None = None) -> Callable[[str], Any]:
    """An account of so much concurrency."""
    counts = {"ConcurrentExecutions": account, "UnreservedConcurrentExecutions": unreserved or account}
    return answering(("lambda.get_account_settings", {"AccountLimit": counts}))


@pytest.mark.parametrize(
    ("account", "more", "before", "expected"),
    [
        (1000, "", {}, []),
        # A new account: enough to begin with, but reported.
        (10, "", {}, ["WARN"]),
        (10, "ReindexConcurrency=10", {}, ["STOP"]),
        (50, "ReindexConcurrency=40 SyncConcurrency=8", {}, ["STOP"]),
        (50, "ReindexConcurrency=10", {}, []),
        (1000, "ReindexConcurrency=2", {}, ["WARN"]),
        # With an event bus, fan-out runs beside them.
        (10, f"EventBusArn={BUS}", {}, ["STOP"]),
        # Current parameters of the stack apply unless new ones are given.
        (10, "", {"ReindexConcurrency": "10"}, ["STOP"]),
        (10, "ReindexConcurrency=4", {"ReindexConcurrency": "10"}, ["WARN"]),
        (1000, "ReceiverReservedConcurrency=10", {}, []),
        (150, "ReceiverReservedConcurrency=10", {}, ["STOP"]),
        (10, "ReceiverReservedConcurrency=1", {}, ["STOP"]),
    ],
)
def test_receivers_are_not_starved_by_consumers(
    account: int, more: str, before: dict[str, str], expected: list[str]
) -> None:
    """Compares the account's limit with the concurrency that queues and streams may take."""
    found = list(preflight_account.concurrency(plan(more, before), limits(account)("lambda")))
    assert [weight for weight, _ in found] == expected
    assert all(str(account) in text or "ReindexConcurrency" in text for _, text in found)


BUSY = "for receivers and the panel when all queues are busy"
POSTING = "while webhooks are posted to endpoints"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("", f"12 are left {BUSY}, and 2 while `hookline listen` runs, and 0 {POSTING}:"),
        (f"EventBusArn={BUS}", f"2 are left {BUSY}, and 0 {POSTING}:"),
    ],
)
def test_fan_out_runs_always_with_a_bus_and_else_while_somebody_listens(more: str, words: str) -> None:
    """A listener of one store fills the fan-out queue without a bus, too."""
    parameters = f"FanOutConcurrency=10 {more}".strip()
    [(weight, text)] = preflight_account.concurrency(plan(parameters), limits(20)("lambda"))
    assert weight == "WARN"
    assert words in text


def test_concurrency_reserved_by_the_stack_itself_counts_as_free() -> None:
    """A repeated deployment with the same numbers changes nothing."""
    same = plan("ReceiverReservedConcurrency=10", {"ReceiverReservedConcurrency": "10"})
    assert not list(preflight_account.concurrency(same, limits(220, 100)("lambda")))


def test_a_readable_secret_yields_no_finding() -> None:
    """Including AWS's own key, named by its ARN."""
    key = "arn:aws:kms:eu-west-1:123456789012:key/1"
    assert not list(preflight_secret.check(plan(), answering(("secretsmanager.describe_secret", {"ARN": SECRET}))))
    managed = {"KeyMetadata": {"KeyId": "1", "KeyManager": "AWS"}}
    found = ("secretsmanager.describe_secret", {"ARN": SECRET, "KmsKeyId": key})
    assert not list(preflight_secret.check(plan(), answering(found, ("kms.describe_key", managed))))


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        # A name may look like the end of a complete ARN: only AWS can tell.
        ({"ARN": f"{SECRET}-Zz9Yy8"}, "full ARN"),
        ({"ARN": SECRET, "KmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/1"}, "may not use"),
        ({"ARN": SECRET, "DeletedDate": "2026-11-01T00:00:00Z"}, "scheduled for deletion"),
        ("ResourceNotFoundException", "there is no secret"),
    ],
)
def test_an_unreadable_secret_stops_the_deployment(answer: dict[str, Any] | str, word: str) -> None:
    """Without it no receiver starts, and Shopify gets 5xx."""
    customers = ("kms.describe_key", {"KeyMetadata": {"KeyId": "1", "KeyManager": "CUSTOMER"}})
    ((weight, text),) = preflight_secret.check(plan(), answering(("secretsmanager.describe_secret", answer), customers))
    assert weight == "STOP"
    assert word in text


def test_everything_is_in_one_region() -> None:
    """A secret or an index elsewhere is refused by name."""
    elsewhere = plan(SHOPIFY_CLIENT_SECRETS_ARN=SECRET.replace(REGION, "us-east-1"))
    assert [weight for weight, _ in preflight_secret.check(elsewhere, answering())] == ["STOP"]
    elsewhere = plan(OPENSEARCH_ARN=DOMAIN.replace(REGION, "us-east-1"))
    assert [weight for weight, _ in preflight_search.check(elsewhere, answering())] == ["STOP"]


def domain(**changes: Any) -> Answer:
    """A domain as OpenSearch Service describes it."""
    required = {"DomainId": "1/catalogue", "DomainName": "catalogue", "ARN": DOMAIN, "ClusterConfig": {}}
    return "opensearch.describe_domain", {"DomainStatus": required | {"Endpoint": HOST} | changes}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"EngineVersion": "OpenSearch_2.19"}, []),
        ({"EngineVersion": "Elasticsearch_7.10"}, [("WARN", "Elasticsearch_7.10")]),
        ({"Endpoint": "another.es.amazonaws.com"}, [("STOP", "another.es.amazonaws.com")]),
        ({"Endpoint": "other", "DomainEndpointOptions": {"CustomEndpoint": HOST}}, []),
        ({"Endpoint": ""}, [("STOP", "no address yet")]),
        ({"Deleted": True}, [("STOP", "being deleted")]),
        ({"Endpoint": "", "Endpoints": {"vpc": HOST}, "VPCOptions": {"VPCId": "vpc-1"}}, [("STOP", "vpc-1")]),
        ({"AdvancedSecurityOptions": {"Enabled": True}}, [("WARN", "fine-grained")]),
        ({"ClusterConfig": {"MultiAZWithStandbyEnabled": True}}, [("WARN", "replicas")]),
    ],
)
def test_a_domain_with_obstacles_is_reported(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Obstacles to its address, its access control and its replicas."""
    found = list(preflight_search.check(plan(), answering(domain(**changes))))
    assert [weight for weight, _ in found] == [weight for weight, _ in expected]
    assert all(word in text for (_, text), (_, word) in zip(found, expected, strict=True))


def test_a_missing_domain_stops_the_deployment() -> None:
    """Every event would be parked."""
    missing = answering(("opensearch.describe_domain", "ResourceNotFoundException"))
    assert [weight for weight, _ in preflight_search.check(plan(), missing)] == ["STOP"]


def collection(
    group: dict[str, Any] | None = None, public: bool = True, pattern: str = "collection/*", **changes: Any
) -> list[Answer]:
    """A collection, its group and its network policy as OpenSearch Serverless describes them."""
    details = {
        "id": "abc123",
        "name": "catalogue",
        "status": "ACTIVE",
        "type": "SEARCH",
        "collectionEndpoint": f"https://{SERVERLESS_HOST}",
    } | changes
    answers = [("opensearchserverless.batch_get_collection", {"collectionDetails": [details]})]
    if group:
        details["collectionGroupName"] = "group"
        found = {"name": "group"} | group
        answers.append(("opensearchserverless.batch_get_collection_group", {"collectionGroupDetails": [found]}))
    policy = [{"Rules": [{"ResourceType": "collection", "Resource": [pattern]}], "AllowFromPublic": public}]
    summaries = {"securityPolicySummaries": [{"type": "network", "name": "open"}]}
    answers.append(("opensearchserverless.list_security_policies", summaries))
    detail = {"securityPolicyDetail": {"type": "network", "name": "open", "policy": policy}}
    return [*answers, ("opensearchserverless.get_security_policy", detail)]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (collection(), [("NOTE", "costs")]),
        (
            collection({"generation": "NEXTGEN", "capacityLimits": {"minIndexingCapacityInOCU": 0.0}}),
            [("WARN", "sleeps")],
        ),
        (
            collection(
                {
                    "generation": "NEXTGEN",
                    "capacityLimits": {"minIndexingCapacityInOCU": 1.0, "minSearchCapacityInOCU": 1.0},
                }
            ),
            [],
        ),
        (collection(status="CREATING"), [("STOP", "CREATING"), ("NOTE", "costs")]),
        (collection(type="TIMESERIES"), [("STOP", "TIMESERIES"), ("NOTE", "costs")]),
        (collection(public=False), [("NOTE", "costs"), ("STOP", "network policy")]),
        (collection(pattern="collection/other"), [("NOTE", "costs"), ("STOP", "network policy")]),
        (collection(collectionEndpoint="https://x.aoss"), [("STOP", "https://x.aoss"), ("NOTE", "costs")]),
    ],
)
def test_a_collection_with_obstacles_is_reported(answers: list[Answer], expected: list[tuple[str, str]]) -> None:
    """Its type, its network policy, and whether it sleeps."""
    wanted = plan(OPENSEARCH_ARN=COLLECTION, OPENSEARCH_URL=f"https://{SERVERLESS_HOST}")
    found = list(preflight_search.check(wanted, answering(*answers)))
    assert [weight for weight, _ in found] == [weight for weight, _ in expected]
    assert all(word in text for (_, text), (_, word) in zip(found, expected, strict=True))


def test_a_missing_collection_stops_the_deployment() -> None:
    """The collection is found by the id in its ARN."""
    none = answering(("opensearchserverless.batch_get_collection", {"collectionDetails": []}))
    wanted = plan(OPENSEARCH_ARN=COLLECTION, OPENSEARCH_URL=f"https://{SERVERLESS_HOST}")
    assert [weight for weight, _ in preflight_search.check(wanted, none)] == ["STOP"]


def stack(status: str) -> Answer:
    """A stack in some state."""
    described = {"StackName": "hookline", "CreationTime": "2026-11-29T00:00:00Z", "StackStatus": status}
    return "cloudformation.describe_stacks", {"Stacks": [described]}


def everything(monkeypatch: pytest.MonkeyPatch, *answers: Answer) -> list[preflight.Finding]:
    """All findings of an account that answers so, and of its stack."""
    clients = answering(*answers)
    monkeypatch.setattr(stacks, "client", lambda service, _: clients(service))
    monkeypatch.setattr(preflight, "client", lambda service, _: clients(service))
    return list(preflight.findings("hookline", REGION, REQUIRED_PARAMETERS | {"MORE": "AlarmEmail=a@b.example"}))


GOOD = (
    (
        "lambda.get_account_settings",
        {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}},
    ),
    ("secretsmanager.describe_secret", {"ARN": SECRET}),
    domain(),
)


@pytest.mark.parametrize(
    ("status", "stops"),
    [
        ("CREATE_COMPLETE", False),
        ("UPDATE_ROLLBACK_COMPLETE", False),
        ("REVIEW_IN_PROGRESS", False),
        ("ROLLBACK_COMPLETE", True),
        ("CREATE_FAILED", True),
        ("DELETE_FAILED", True),
        ("UPDATE_IN_PROGRESS", True),
        ("UPDATE_ROLLBACK_FAILED", True),
    ],
)
def test_a_stack_in_a_bad_state_stops_the_deployment(monkeypatch: pytest.MonkeyPatch, status: str, stops: bool) -> None:
    """The finding says what to do."""
    found = everything(monkeypatch, stack(status), *GOOD)
    assert [each.weight for each in found] == ([Weight.STOP] if stops else [])
    assert all(status in each.text for each in found)
    if status == "ROLLBACK_COMPLETE":
        assert f"aws cloudformation delete-stack --stack-name hookline --region {REGION}" in found[0].text


def test_a_check_without_permission_warns_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A role that deploys need not read everything."""
    denied = (
        ("lambda.get_account_settings", "AccessDeniedException"),
        ("secretsmanager.describe_secret", "AccessDeniedException"),
        ("opensearch.describe_domain", "AccessDeniedException"),
    )
    found = everything(monkeypatch, stack("CREATE_COMPLETE"), *denied)
    assert [each.weight for each in found] == [Weight.WARN] * 3
    assert all("AccessDeniedException" in each.text for each in found)


def test_missing_credentials_yield_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials, the checks are not repeated."""

    def nobody(*_: Any) -> Any:
        raise NoCredentialsError

    monkeypatch.setattr(stacks, "client", nobody)
    (found,) = preflight.findings("hookline", REGION, REQUIRED_PARAMETERS)
    assert found.weight is Weight.STOP
    assert "no AWS credentials" in found.text


@pytest.mark.parametrize("more", ["AlarmEmail='a", "RendexConcurrency=4"])
def test_unreadable_more_stops_the_deployment(monkeypatch: pytest.MonkeyPatch, more: str) -> None:
    """Otherwise sam would use half of it, or CloudFormation reject it after the build."""
    clients = answering(stack("CREATE_COMPLETE"))
    monkeypatch.setattr(stacks, "client", lambda service, _: clients(service))
    (found,) = preflight.findings("hookline", REGION, REQUIRED_PARAMETERS | {"MORE": more})
    assert (found.weight, "MORE=" in found.text) == (Weight.STOP, True)


def test_alarms_without_a_recipient_are_reported() -> None:
    """A note, because it is allowed."""
    assert not plan().parameters["AlarmEmail"]
    assert plan("AlarmEmail=you@example.com LogLevel=DEBUG").parameters["AlarmEmail"] == "you@example.com"


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        ("eu-west-1", {"AWS_REGION": "us-east-1"}, "eu-west-1"),
        ("", {"AWS_REGION": "eu-north-1", "AWS_DEFAULT_REGION": "us-east-1"}, "eu-north-1"),
        ("", {"AWS_DEFAULT_REGION": "us-gov-west-1"}, "us-gov-west-1"),
        ("", {"AWS_REGION": "", "AWS_DEFAULT_REGION": "cn-north-1"}, "cn-north-1"),
        ("eusc-de-east-1", {}, "eusc-de-east-1"),
    ],
)
def test_the_first_region_set_is_used(given: str, environment: dict[str, str], expected: str) -> None:
    """REGION=, AWS_REGION, AWS_DEFAULT_REGION."""
    assert region(given, environment) == expected


def test_the_profiles_region_is_the_last_resort(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A missing profile or a malformed file is an error with a sentence."""
    config = tmp_path / "config"
    config.write_text("[profile shop]\nregion = ap-south-1\n[profile bare]\noutput = json\n")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "shop")
    assert region("", {}) == "ap-south-1"
    for profile in ("bare", "nobody"):
        monkeypatch.setenv("AWS_PROFILE", profile)
        with pytest.raises(NoRegionError):
            region("", {})
    config.write_text("no configuration\n")
    with pytest.raises(NoRegionError):
        region("", {})


@pytest.mark.parametrize("given", ["eu-west", "Europe", "eu-west-1; rm", "eu_west_1", "-eu-west-1"])
def test_an_invalid_region_is_refused(given: str) -> None:
    """Before it becomes a host name."""
    with pytest.raises(NoRegionError):
        region(given, {})


def test_sam_gets_the_region_and_deletes_a_stack_that_failed_to_create() -> None:
    """`make -n deploy` prints the commands."""
    variables = [f"{name}={value}" for name, value in REQUIRED_PARAMETERS.items()]
    done = subprocess.run(
        [shutil.which("make"), "-n", "deploy", "REGION=eu-west-3", *variables],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = [each for each in done.stdout.replace("\\\n", "").splitlines() if f"{tool('sam')} deploy" in each]
    assert '--region "$region"' in line
    assert "--on-failure DELETE" in line
    assert "hookline_local.region 'eu-west-3'" in line
    assert "hookline_local.preflight --stack 'hookline' --region 'eu-west-3'" in done.stdout
    calls = [line for line in (REPOSITORY / "Makefile").read_text().splitlines() if "$(SAM) " in line]
    assert calls
    assert all("--region" in call for call in calls)


def test_a_policy_may_be_json_text() -> None:
    """Botocore gives a document; older ones a text."""
    document = [{"Rules": [{"ResourceType": "collection", "Resource": ["collection/a*"]}], "AllowFromPublic": True}]

    class Serverless:
        def list_security_policies(self, **_: Any) -> dict[str, Any]:
            return {"securityPolicySummaries": [{"name": "open"}]}

        def get_security_policy(self, **_: Any) -> dict[str, Any]:
            return {"securityPolicyDetail": {"policy": json.dumps(document)}}

    assert preflight_search.is_public("abc", Serverless())
    assert not preflight_search.is_public("bcd", Serverless())
