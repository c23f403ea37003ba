"""Requirements of the index on the stack: on a domain, in a VPC, and in a collection of Serverless."""

import json
import re
from typing import Any

from hookline_local.places import REPOSITORY
from template_reading import FUNCTIONS, Resources, of_type

REACH_THE_INDEX = {"ReindexFunction", "SyncFunction", "SearchFunction"}
NO_VALUE = {"Ref": "AWS::NoValue"}


def test_only_functions_that_reach_the_index_run_in_the_vpc(resources: Resources) -> None:
    """Only if there is one: a receiver never waits for a network interface."""
    network = {"SubnetIds": {"Ref": "OpenSearchSubnetIds"}, "SecurityGroupIds": {"Ref": "OpenSearchSecurityGroupIds"}}
    for name in FUNCTIONS:
        if name == "DispatchFunction":
            continue  # Posts from subnets of its own: test_egress.py.
        config = resources[name]["Properties"].get("VpcConfig")
        expected = {"Fn::If": ["SearchIsInVpc", network, NO_VALUE]} if name in REACH_THE_INDEX else None
        assert config == expected, name
        reaches = "OPENSEARCH_URL" in resources[name]["Properties"].get("Environment", {}).get("Variables", {})
        assert reaches == (name in REACH_THE_INDEX), name


def test_only_their_roles_may_keep_network_interfaces(resources: Resources) -> None:
    """The permission exists only with a VPC."""
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        _, *others = role["Properties"]["ManagedPolicyArns"]
        if name == "DispatchRole":
            continue
        if name.replace("Role", "Function") not in REACH_THE_INDEX:
            assert others == [], name
            continue
        ((condition, arn, otherwise),) = (other["Fn::If"] for other in others)
        assert (condition, otherwise) == ("SearchIsInVpc", NO_VALUE), name
        assert arn["Fn::Sub"].endswith(":iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"), name


def test_the_collection_permits_the_roles_their_requests(resources: Resources) -> None:
    """The writing roles may create and write the index, the searching role may read it, and no role may do more."""
    ((_, policy),) = of_type(resources, "AWS::OpenSearchServerless::AccessPolicy").items()
    assert policy["Condition"] == "MakesAccessPolicy"
    assert policy["Properties"]["Type"] == "data"
    allowed = {}
    for rules in json.loads(policy["Properties"]["Policy"]["Fn::Sub"]):
        (rule,) = rules["Rules"]
        assert rule["ResourceType"] == "index"
        assert rule["Resource"] == ["index/${OpenSearchCollectionName}/${OpenSearchIndex}"]
        for principal in rules["Principal"]:
            allowed[principal] = set(rule["Permission"])
    writes = {"aoss:CreateIndex", "aoss:DescribeIndex", "aoss:WriteDocument"}
    assert allowed == {
        "${ReindexRole.Arn}": writes,
        "${SyncRole.Arn}": writes,
        "${SearchRole.Arn}": {"aoss:DescribeIndex", "aoss:ReadDocument"},
    }


def test_the_name_of_the_access_policy_fits(resources: Resources) -> None:
    """3 to 32 characters, from a letter on."""
    ((_, policy),) = of_type(resources, "AWS::OpenSearchServerless::AccessPolicy").items()
    pattern, names = policy["Properties"]["Name"]["Fn::Sub"]
    (part, parts) = names["Id"]["Fn::Select"]
    assert parts == {"Fn::Split": ["-", {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}]}
    stack = "arn:aws:cloudformation:us-east-1:123456789012:stack/hook-line/51af3dc0-da77-11e4-872e-1234567db123"
    name = pattern.replace("${Id}", stack.split("/")[2].split("-")[part])
    assert re.fullmatch(r"[a-z][a-z0-9-]{2,31}", name)


def test_the_roles_can_be_mapped(source: dict[str, Any]) -> None:
    """Their ARNs are outputs, and the document names them."""
    document = (REPOSITORY / "docs/opensearch.md").read_text()
    for role in ("ReindexRole", "SyncRole", "SearchRole"):
        assert source["Outputs"][f"{role}Arn"]["Value"] == {"Fn::GetAtt": [role, "Arn"]}
        assert f"<{role}Arn>" in document


def test_jobs_wait_for_the_index_as_long_as_for_anything_else(resources: Resources) -> None:
    """The code's own waits add up to the queue's. For the event queue see crates/domain/src/delivery/failed.rs."""
    tries = int(
        re.search(r"MAX_RECEIVES: u32 = (\d+);", (REPOSITORY / "crates/domain/src/delivery/failed.rs").read_text())[1]
    )
    code = (REPOSITORY / "crates/lambda/src/jobs.rs").read_text()
    minutes = int(re.search(r"VISIBILITY_TIMEOUT: SignedDuration = SignedDuration::from_mins\((\d+)\);", code)[1])
    properties = resources["SyncQueue"]["Properties"]
    assert properties["VisibilityTimeout"] == minutes * 60
    assert properties["RedrivePolicy"]["maxReceiveCount"] == tries
