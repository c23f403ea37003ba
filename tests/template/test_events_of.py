"""Families of events (`EventsOf`): what is deployed only where somebody wants it."""

import re
from itertools import chain, combinations
from typing import Any

import pytest
from hookline_local.places import REPOSITORY
from hookline_local.preflight_account import FAMILIES, receivers
from template_reading import KEYED, RECEIVERS, SOURCE_OF, SOURCES, Resources, of_type

TOPICS = (REPOSITORY / "crates/sources/src/shopify/topic.rs").read_text()
FAMILY_OF = {
    f"{topic}Function": f"EventsOf{family}"
    for topics, family in re.findall(r"((?:Self::\w+[\s|]+)+)=> \{?\s*Some\(Family::(\w+)\)", TOPICS)
    for topic in re.findall(r"Self::(\w+)", topics)
}

SUBSETS = [",".join(each) for each in chain.from_iterable(combinations(FAMILIES, size) for size in range(5))]


def valued(value: Any, parameters: dict[str, str]) -> Any:
    """A condition's value, computed as CloudFormation does."""
    if not isinstance(value, dict):
        return value
    ((function, of),) = value.items()
    if function == "Ref":
        return parameters[of]
    first, second = [valued(each, parameters) for each in of] if len(of) > 1 else (valued(of[0], parameters), None)
    match function:
        case "Fn::Not":
            return not first
        case "Fn::Equals":
            return first == second
        case "Fn::Split":
            return second.split(first)
        case "Fn::Join":
            return first.join(second)
    raise AssertionError(f"{function} is not computed here")


def test_each_family_has_topics() -> None:
    """The code says which."""
    assert len(FAMILY_OF) == 11
    assert set(FAMILY_OF.values()) == {f"EventsOf{family.capitalize()}" for family in FAMILIES}


@pytest.mark.parametrize("families", SUBSETS)
def test_a_family_is_deployed_if_it_is_named(source: dict[str, Any], families: str) -> None:
    """Alone and with others, in any order."""
    for value in (families, ",".join(reversed(families.split(",")))):
        for family in FAMILIES:
            condition = source["Conditions"][f"EventsOf{family.capitalize()}"]
            assert valued(condition, {"EventsOf": value}) == (family in value.split(","))
        assert valued(source["Conditions"]["HasEventsOf"], {"EventsOf": value}) == bool(value)
        assert re.fullmatch(source["Parameters"]["EventsOf"]["AllowedPattern"], value)


@pytest.mark.parametrize(
    "value", ["order", "orders,", ",orders", "orders, payments", "orders;payments", "Orders", "all"]
)
def test_a_family_that_does_not_exist_is_refused(source: dict[str, Any], value: str) -> None:
    """By the parameter's pattern, before anything is deployed."""
    assert not re.fullmatch(source["Parameters"]["EventsOf"]["AllowedPattern"], value)


def test_what_belongs_to_a_receiver_has_its_condition(source: dict[str, Any], resources: Resources) -> None:
    """Its log group, its metric filters, its output, and the permission to write to its log."""
    for name in RECEIVERS:
        of = SOURCES[SOURCE_OF[name]]
        (logs,) = [
            statement["Resource"]
            for statement in resources[of.role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
            if statement["Sid"] == "Logs"
        ]
        condition, topic = FAMILY_OF.get(name, of.condition), name.removesuffix("Function")
        parts = [name, f"{topic}Logs", f"{topic}Outcomes", f"{name}WebhookPermission"]
        parts += [of.role] if of.keyed else [f"{topic}OldSecret"]
        assert {resources[part].get("Condition") for part in parts} == {condition}, name
        assert source["Outputs"][f"{topic}Url"].get("Condition") == condition
        arn = {"Fn::GetAtt": [f"{topic}Logs", "Arn"]}
        # The role of a keyed source has the condition itself.
        always = condition is None or of.keyed
        assert (arn if always else {"Fn::If": [condition, arn, {"Ref": "AWS::NoValue"}]}) in logs


def test_an_alarm_on_receivers_has_the_condition_of_all_of_them(resources: Resources) -> None:
    """It cannot refer to a function that does not exist."""
    for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values():
        metrics = [
            each["MetricStat"]["Metric"] for each in alarm["Properties"].get("Metrics", []) if "MetricStat" in each
        ]
        named = [dimension["Value"] for metric in metrics for dimension in metric["Dimensions"]]
        functions = [value["Ref"] for value in named if isinstance(value, dict) and value.get("Ref") in RECEIVERS]
        conditions = {FAMILY_OF.get(function, SOURCES[SOURCE_OF[function]].condition) for function in functions}
        assert conditions <= {alarm.get("Condition")}


def test_the_preflight_counts_the_receivers_that_will_be_deployed() -> None:
    """Each reserves concurrency of its own."""
    assert receivers({}) == 12
    assert receivers({"EventsOf": ""}) == 12
    assert receivers({"EventsOf": "payments"}) == 14
    assert receivers({"EventsOf": ",".join(FAMILIES)}) == len(RECEIVERS) - len(KEYED)
    assert receivers({"StandardKeysArn": "arn:…"}) == 13
    assert receivers({"StandardKeysArn": ""}) == 12


def test_a_source_is_deployed_if_its_keys_are_given(source: dict[str, Any]) -> None:
    """None by default."""
    keyed = {of.condition: of.secrets for of in SOURCES.values() if of.keyed}
    for condition, parameter in keyed.items():
        assert source["Parameters"][parameter]["Default"] == ""
        given = [valued(source["Conditions"][condition], {parameter: value}) for value in ("", "arn:…")]
        assert given == [False, True]


def test_subscriptions_and_the_panel_know_what_is_wanted(source: dict[str, Any]) -> None:
    """Both get the parameter, with the word for the bodies that are wanted whole; so does the command."""
    personal = {"Fn::If": ["KeepsPersonalData", {"Fn::Sub": "${EventsOf},personal"}, {"Ref": "EventsOf"}]}
    wanted = {"Fn::If": ["ForwardsBodies", {"Fn::Sub": "${EventsOf},bodies"}, personal]}
    assert source["Outputs"]["EventsOf"]["Value"] == wanted
    for name in ("SyncFunction", "StatusFunction"):
        variables = source["Resources"][name]["Properties"]["Environment"]["Variables"]
        assert variables["EVENTS_OF"] == wanted


def test_a_stack_with_every_family_is_within_the_limit_of_resources(resources: Resources) -> None:
    """500 (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html)."""
    assert len(resources) <= 500 - 100, "leave some for what comes"
