"""Personal data for endpoints: who seals, who opens, and that neither happens unless the operator wants it."""

import json
import re
from typing import Any

from template_reading import RECEIVERS, Resources, of_type

# Topics whose bodies have what events disclose; crates/sources/src/shopify/disclosure.rs names them, too.
SEALED = {
    "OrdersCreateFunction",
    "OrdersUpdatedFunction",
    "OrdersFulfilledFunction",
    "OrdersCancelledFunction",
    "FulfillmentsCreateFunction",
    "FulfillmentsUpdateFunction",
    "CustomersCreateFunction",
    "CustomersUpdateFunction",
}


def variables(resources: Resources, function: str) -> dict[str, object]:
    """Environment of a function."""
    return resources[function]["Properties"].get("Environment", {}).get("Variables", {})


def with_text(resources: Resources, text: str) -> set[str]:
    """Resources that mention a text."""
    return {name for name, resource in resources.items() if text in json.dumps(resource)}


def test_only_receivers_of_topics_that_disclose_something_seal(resources: Resources) -> None:
    """They get the public key if the operator has given both halves; the others, if bodies are forwarded, too."""
    functions = of_type(resources, "AWS::Lambda::Function")
    sealing = {name for name in functions if "PERSONAL_PUBLIC_KEY" in variables(resources, name)}
    assert sealing == set(RECEIVERS)
    assert sealing >= SEALED
    for name in sealing:
        key = variables(resources, name)["PERSONAL_PUBLIC_KEY"]
        condition = "KeepsPersonalData" if name in SEALED else "ForwardsBodies"
        assert key == {"Fn::If": [condition, {"Ref": "PersonalPublicKey"}, ""]}


def test_only_the_dispatcher_may_open(resources: Resources) -> None:
    """No other role, function or output knows the key."""
    assert with_text(resources, "PersonalKeyArn") == {"DispatchFunction", "DispatchRole"}
    statements = [
        statement["Fn::If"]
        for policy in resources["DispatchRole"]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "PersonalKeyArn" in json.dumps(statement)
    ]
    ((condition, statement, otherwise),) = statements
    assert (condition, otherwise) == ("KeepsPersonalData", {"Ref": "AWS::NoValue"})
    assert (statement["Action"], statement["Resource"]) == ("kms:Decrypt", {"Ref": "PersonalKeyArn"})
    assert statement["Condition"] == {"StringEquals": {"kms:EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}}


def test_it_is_off_unless_both_halves_are_given(source: dict[str, Any]) -> None:
    """By default there is no key, and one half alone changes nothing."""
    parameters = source["Parameters"]
    for name in ("PersonalKeyArn", "PersonalPublicKey"):
        assert parameters[name]["Default"] == ""
        assert re.fullmatch(parameters[name]["AllowedPattern"], "")
    assert parameters["PersonalDays"]["MaxValue"] == 5
    given = [{"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]} for name in ("PersonalKeyArn", "PersonalPublicKey")]
    assert source["Conditions"]["KeepsPersonalData"] == {"Fn::And": given}
    forwards = [{"Condition": "KeepsPersonalData"}, {"Fn::Equals": [{"Ref": "ForwardBodies"}, "yes"]}]
    assert source["Conditions"]["ForwardsBodies"] == {"Fn::And": forwards}
    assert parameters["ForwardBodies"]["Default"] == "no"


def test_parameters_are_a_key_and_not_an_alias(source: dict[str, Any]) -> None:
    """An alias could be moved to another key, under which nothing opens."""
    arn, public = (source["Parameters"][name]["AllowedPattern"] for name in ("PersonalKeyArn", "PersonalPublicKey"))
    key = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    assert re.fullmatch(arn, key)
    assert not re.fullmatch(arn, "arn:aws:kms:eu-central-1:123456789012:alias/personal")
    assert re.fullmatch(public, "MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEA+/==")
    assert not re.fullmatch(public, "-----BEGIN PUBLIC KEY-----")
