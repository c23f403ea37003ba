"""Every request that is written by hand is one that AWS's own models describe.

`requests.json` is what `crates/testkit/tests/requests.rs` has seen leave; that test fails when another request leaves.
"""

import json
import re
from typing import Any

import pytest
from botocore.validate import ParamValidator
from hookline_local import models

REQUESTS: list[dict[str, Any]] = json.loads((models.FOLDER / "requests.json").read_text())
BY_HAND = [request for request in REQUESTS if request["target"]]
OF_S3 = [request for request in REQUESTS if not request["target"]]


def test_every_handwritten_request_is_here() -> None:
    """Each request written by hand is here, and no other."""
    targets = {request["target"].partition(".")[2] for request in BY_HAND}
    assert targets == {name for names in models.CALLED.values() for name in names}
    assert {operation_of(request) for request in OF_S3} == {"PutObject", "GetObject", "DeleteObject", "ListObjectsV2"}


@pytest.mark.parametrize("request_seen", BY_HAND, ids=lambda request: request["target"])
def test_json_requests_match_the_models(request_seen: dict[str, Any]) -> None:
    """Protocol and version, target, required members, types; signed for the service and region."""
    prefix, _, name = request_seen["target"].partition(".")
    model = models.by_target()[prefix]
    assert request_seen["content_type"] == models.content_type(model)
    assert (request_seen["method"], request_seen["path"]) == ("POST", "/")
    shape = model.operation_model(name).input_shape
    assert not ParamValidator().validate(request_seen["body"], shape).generate_report()
    assert not unknown(request_seen["body"], shape)
    assert request_seen["scope"] == f"eu-central-1/{signing_name(model)}/aws4_request"
    assert {"host", "x-amz-date", "x-amz-target"} <= set(request_seen["signed"].split(";"))


def test_the_emulator_accepts_every_request() -> None:
    """A request that the emulator refuses would not leave a function."""
    for request in BY_HAND:
        body = json.dumps(request["body"]).encode()
        assert models.refusal(request["target"], request["content_type"], body) is None


@pytest.mark.parametrize("request_seen", OF_S3, ids=lambda request: request["method"])
def test_s3_requests_match_the_models(request_seen: dict[str, Any]) -> None:
    """Method, path and query; the body's checksum is signed."""
    operation = models.service_model("s3").operation_model(operation_of(request_seen))
    assert operation.http["method"] == request_seen["method"]
    path = re.sub(r"\{[^}]*\}", "x", operation.http["requestUri"]).split("?")[0]
    assert bool(re.fullmatch(r"/bucket/.+", request_seen["path"])) == ("Key" in operation.input_shape.members)
    assert path.startswith("/")
    names = {member.serialization.get("name") for member in operation.input_shape.members.values()}
    fixed = {part.split("=")[0] for part in operation.http["requestUri"].partition("?")[2].split("&") if part}
    parameters = {part.split("=")[0] for part in (request_seen["query"] or "").split("&") if part}
    assert parameters <= names | fixed
    assert fixed <= parameters
    assert request_seen["checksum"]
    assert request_seen["scope"] == "eu-central-1/s3/aws4_request"
    assert {"host", "x-amz-date", "x-amz-content-sha256"} <= set(request_seen["signed"].split(";"))


def operation_of(request: dict[str, Any]) -> str:
    """The operation of S3 that a method and a path are."""
    if request["query"]:
        return "ListObjectsV2"
    return f"{request['method'].capitalize()}Object"


def signing_name(model: Any) -> str:
    """Name of a service in the scope of a signature."""
    return model.metadata.get("signingName") or model.metadata["endpointPrefix"]


def unknown(members: Any, shape: Any) -> list[str]:
    """Members of a request that its model does not have, at any depth."""
    if shape.type_name == "structure" and isinstance(members, dict):
        known = shape.members
        missing = [name for name in members if name not in known]
        return missing + [more for name in known if name in members for more in unknown(members[name], known[name])]
    if shape.type_name == "map" and isinstance(members, dict):
        return [more for value in members.values() for more in unknown(value, shape.value)]
    if shape.type_name == "list" and isinstance(members, list):
        return [more for value in members for more in unknown(value, shape.member)]
    return []
