"""template.yaml as SAM translates it: plain CloudFormation, as AWS receives it.

Tests judge this, not the source, because SAM drops what it does not know without a word. The bridge reads the
routes from it.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from .archives import archive
from .places import TEMPLATE


class TemplateLoader(yaml.SafeLoader):
    """Reads YAML with CloudFormation's tags."""


def long_form(loader: TemplateLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """`!Sub x` as `{"Fn::Sub": x}`."""
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


TemplateLoader.add_multi_constructor("!", long_form)


def source() -> dict[str, Any]:
    """template.yaml as written, short forms made long."""
    return yaml.load(TEMPLATE.read_text(), Loader=TemplateLoader)  # noqa: S506 (a SafeLoader)


def deployable() -> dict[str, Any]:
    """template.yaml without the alarms that the emulator refuses, those over several metrics. It raises none anyway."""
    template = source()
    template["Resources"] = {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] != "AWS::CloudWatch::Alarm" or "Metrics" not in resource["Properties"]
    }
    for resource in template["Resources"].values():
        if "CodeUri" in resource.get("Properties", {}):
            resource["Properties"]["CodeUri"] = str(archive(Path(resource["Properties"]["CodeUri"]).name))
    return template


@cache
def translated_json() -> str:
    """The translation as text, so that no caller can change another's copy."""
    template = source()
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            # `sam deploy` puts the uploaded archive here; where it lies does not matter.
            resource["Properties"]["CodeUri"] = f"s3://uploaded/{name}"
    session = boto3.session.Session(region_name="us-east-1")
    translator = Translator({}, Parser(), boto_session=session)
    return json.dumps(translator.translate(template, {}))


def translated() -> dict[str, Any]:
    """template.yaml after SAM's transformation."""
    return json.loads(translated_json())


def whole(value: Any) -> Any:
    """A part of the translated template with everything that a condition may leave out."""
    if isinstance(value, list):
        return [whole(each) for each in value]
    if not isinstance(value, dict):
        return value
    match value.get("Fn::If"):
        case [_, there, {"Ref": "AWS::NoValue"}]:
            return whole(there)
    return {name: whole(each) for name, each in value.items()}
