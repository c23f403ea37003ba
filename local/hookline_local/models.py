"""AWS's own models of its JSON services, as botocore has them, and what a service refuses without looking further.

    PYTHONPATH=local <emulator's python> -m hookline_local.models    # writes tests/conformance/operations.json anew

Emulators take more than AWS does: the wrong version of the protocol, say, which AWS answers as an unknown operation.
"""

import functools
import json
from collections.abc import Mapping
from pathlib import Path

import botocore.session
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

# What the stubs in Rust read.
OPERATIONS = Path(__file__).resolve().parents[2] / "tests" / "conformance" / "operations.json"

# As botocore names them.
SERVICES = ("dynamodb", "kms", "secretsmanager", "sqs")


@functools.cache
def loader():  # noqa: ANN201 (botocore has no types)
    """What reads botocore's data."""
    return botocore.session.get_session().get_component("data_loader")


@functools.cache
def service_model(service: str) -> ServiceModel:
    """A service's model."""
    return ServiceModel(loader().load_service_model(service, "service-2"), service)


@functools.cache
def by_target() -> Mapping[str, ServiceModel]:
    """The models by the first half of their targets, as in `AmazonSQS`."""
    models = map(service_model, SERVICES)
    return {model.metadata["targetPrefix"]: model for model in models}


def content_type(model: ServiceModel) -> str:
    """What requests are to say that they are."""
    return f"application/x-amz-json-{model.metadata['jsonVersion']}"


def refusal(target: str, given_type: str, body: bytes) -> tuple[int, str, str] | None:
    """Status, code and message of what a service answers to a request that it would not look further at."""
    prefix, _, name = target.partition(".")
    model = by_target().get(prefix)
    if model is None or name not in model.operation_names:
        return 404, "UnknownOperationException", f"{target} is no operation"
    if given_type != content_type(model):
        return 404, "UnknownOperationException", f"{target} takes {content_type(model)}, not {given_type!r}"
    try:
        members = json.loads(body)
    except ValueError:
        return 400, "SerializationException", "the body is not JSON"
    shape = model.operation_model(name).input_shape
    report = ParamValidator().validate(members, shape).generate_report() if shape else ""
    return (400, "ValidationException", f"{target}: {report}") if report else None


def operations() -> dict[str, dict]:
    """By the target's first half: the version of JSON, and the members that each operation requires."""
    return {
        prefix: {
            "version": model.metadata["jsonVersion"],
            "required": {name: required(model, name) for name in sorted(model.operation_names)},
        }
        for prefix, model in by_target().items()
    }


def required(model: ServiceModel, operation: str) -> list[str]:
    """The members that a request of this operation has to have."""
    shape = model.operation_model(operation).input_shape
    return sorted(shape.required_members) if shape else []


def written() -> str:
    """The text of `OPERATIONS`."""
    return json.dumps(operations(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    OPERATIONS.write_text(written())
