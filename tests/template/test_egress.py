"""Subnets of the operator's own, from which webhooks are posted: one function, and only if they are set."""

import re
from typing import Any

import pytest
from template_reading import FUNCTIONS, Resources, of_type

NO_VALUE = {"Ref": "AWS::NoValue"}
LISTS = ("EgressSubnetIds", "EgressSecurityGroupIds")


def test_webhooks_are_posted_from_the_subnets_if_there_are_any(resources: Resources) -> None:
    """Without them, the dispatcher runs outside of any VPC, as all others do but those that reach the index."""
    condition, network, otherwise = resources["DispatchFunction"]["Properties"]["VpcConfig"]["Fn::If"]
    assert (condition, otherwise) == ("PostsFromVpc", NO_VALUE)
    assert network == {
        "SubnetIds": {"Ref": "EgressSubnetIds"},
        "SecurityGroupIds": {"Ref": "EgressSecurityGroupIds"},
        "Ipv6AllowedForDualStack": True,
    }
    others = [str(resources[name]["Properties"].get("VpcConfig")) for name in FUNCTIONS if name != "DispatchFunction"]
    assert not any(name in config for config in others for name in (*LISTS, "PostsFromVpc"))


def test_only_the_dispatcher_may_keep_network_interfaces_for_it(resources: Resources) -> None:
    """The permission exists only with the subnets."""
    with_condition = {
        name: managed
        for name, role in of_type(resources, "AWS::IAM::Role").items()
        for managed in role["Properties"]["ManagedPolicyArns"]
        if "Fn::If" in managed and managed["Fn::If"][0] == "PostsFromVpc"
    }
    assert set(with_condition) == {"DispatchRole"}
    _, arn, otherwise = with_condition["DispatchRole"]["Fn::If"]
    assert arn["Fn::Sub"].endswith(":iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole")
    assert otherwise == NO_VALUE


def evaluate(condition: Any, parameters: dict[str, list[str]]) -> Any:
    """Computes a condition, as CloudFormation does."""
    match condition:
        case {"Fn::Not": [inner]}:
            return not evaluate(inner, parameters)
        case {"Fn::Equals": [left, right]}:
            return evaluate(left, parameters) == evaluate(right, parameters)
        case {"Fn::Join": [separator, parts]}:
            return separator.join(evaluate(parts, parameters))
        case {"Ref": name}:
            return parameters[name]
        case list():
            return [evaluate(one, parameters) for one in condition]
        case _:
            return condition


@pytest.mark.parametrize(
    ("subnets", "groups", "posts_from_vpc"),
    [
        ([], [], False),
        ([""], [""], False),
        (["subnet-a", "subnet-b"], ["sg-a"], True),
        # Lambda refuses these, and says which list is empty: nothing is posted from elsewhere by mistake.
        (["subnet-a"], [], True),
        ([], ["sg-a"], True),
    ],
)
def test_one_list_without_the_other_is_not_ignored(
    source: dict[str, Any], subnets: list[str], groups: list[str], posts_from_vpc: bool
) -> None:
    """Both lists, or none."""
    lists = dict(zip(LISTS, (subnets, groups), strict=True))
    assert evaluate(source["Conditions"]["PostsFromVpc"], lists) is posts_from_vpc


def test_addresses_are_shown_and_change_nothing_else(resources: Resources, source: dict[str, Any]) -> None:
    """The function behind `GET /api/me` alone has them."""
    users = [name for name, resource in resources.items() if "EgressAddresses" in str(resource)]
    assert users == ["StatusFunction"]
    pattern = source["Parameters"]["EgressAddresses"]["AllowedPattern"]
    for text in ("", "198.51.100.7", "198.51.100.7,203.0.113.0/28", "198.51.100.7, 2001:db8:1::/56"):
        assert re.search(pattern, text), text
    for text in ("nat.example.com", "198.51.100.7;198.51.100.8", ",", "<b>"):
        assert not re.search(pattern, text), text
