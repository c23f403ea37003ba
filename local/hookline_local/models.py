"""AWS's own models of its JSON services, from botocore, and the requests a service refuses by them.

    PYTHONPATH=local <emulator's python> -m hookline_local.models    # writes the parts that Rust reads

Emulators accept more than AWS does, for example the wrong version of the protocol, an unknown operation on AWS.
"""

import functools
import json
from collections.abc import Mapping
from pathlib import Path

import botocore.session
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError as EndpointResolutionError
from botocore.model import ServiceModel
from botocore.retries import standard
from botocore.validate import ParamValidator

# Files that Rust reads: stubs the first, unit tests of crates/direct and crates/transport the others.
FOLDER = Path(__file__).resolve().parents[2] / "tests" / "conformance"

# Names as in botocore.
SERVICES = ("dynamodb", "events", "kms", "secretsmanager", "sqs")


@functools.cache
def loader():  # noqa: ANN201 (botocore has no types)
    """Loader of botocore's data."""
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
    """Content type that requests must have."""
    return f"application/x-amz-json-{model.metadata['jsonVersion']}"


def refusal(target: str, given_type: str, body: bytes) -> tuple[int, str, str] | None:
    """Status, code and message with which a service refuses a malformed request; None if it accepts it."""
    prefix, _, name = target.partition(".")
    model = by_target().get(prefix)
    if model is None or name not in model.operation_names:
        return 404, "UnknownOperationException", f"{target} is not an operation"
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
    """Version of JSON and required members of each operation, by the first half of its target."""
    return {
        prefix: {
            "version": model.metadata["jsonVersion"],
            "required": {name: required(model, name) for name in sorted(model.operation_names)},
        }
        for prefix, model in by_target().items()
    }


def required(model: ServiceModel, operation: str) -> list[str]:
    """Required members of a request of this operation."""
    shape = model.operation_model(operation).input_shape
    return sorted(shape.required_members) if shape else []


# Buckets whose addresses are compared: one that is a valid host label, and one that is not.
BUCKETS = ("bodies", "dotted.bucket")

# Services that functions call by hand or with the SDK.
CALLED = {"dynamodb": ("PutItem", "UpdateItem"), "sqs": ("SendMessage",), "secretsmanager": ("GetSecretValue",)}


# Errors that are retried because of their status, 500.
FAULTS = ("InternalServerError", "InternalServiceError")


def regions() -> list[str]:
    """Regions in botocore's models in which functions run, without the names of whole partitions."""
    partitions = loader().load_data("partitions")["partitions"]
    return sorted(name for partition in partitions for name in partition["regions"] if not name.endswith("-global"))


def endpoints() -> dict[str, dict[str, list[str | None]]]:
    """URLs by region and service: without flags, with dual stack, with FIPS, with both; None where AWS has none."""
    partitions = loader().load_data("partitions")
    parts = {service: (service, {}) for service in CALLED} | {
        f"s3/{bucket}": ("s3", {"Bucket": bucket, "UseGlobalEndpoint": False}) for bucket in BUCKETS
    }
    found: dict[str, dict[str, list[str | None]]] = {region: {} for region in regions()}
    for name, (service, more) in parts.items():
        provider = EndpointProvider(loader().load_service_model(service, "endpoint-rule-set-1"), partitions)
        for region, hosts in found.items():
            hosts[name] = [
                resolved(provider, more | {"Region": region, "UseFIPS": fips, "UseDualStack": dual_stack})
                for fips in (False, True)
                for dual_stack in (False, True)
            ]
    return found


def resolved(provider: EndpointProvider, parameters: dict) -> str | None:
    """URL according to AWS's rules, or None."""
    try:
        return provider.resolve_endpoint(**parameters).url
    except EndpointResolutionError:
        return None


def errors() -> dict[str, list]:
    """Codes and statuses that AWS's clients retry, and codes of our operations that they do not."""
    retried_codes = set(standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
    retried_codes |= set(standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES)
    final = set()
    for service, names in CALLED.items():
        for name in names:
            for shape in service_model(service).operation_model(name).error_shapes:
                # A fault of the service has status 500, which is retried with any code.
                retried = "retryable" in shape.metadata or shape.error_code in retried_codes or shape.name in FAULTS
                (retried_codes if retried else final).add(shape.error_code)
    statuses = standard.TransientRetryableChecker._TRANSIENT_STATUS_CODES
    return {"again": sorted(retried_codes), "final": sorted(final), "statuses": sorted(statuses)}


def written() -> dict[Path, str]:
    """Contents of each file."""
    contents = {"operations": operations(), "endpoints": endpoints(), "errors": errors()}
    return {
        FOLDER / f"{name}.json": json.dumps(content, indent=1, sort_keys=True) + "\n"
        for name, content in contents.items()
    }


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text)
