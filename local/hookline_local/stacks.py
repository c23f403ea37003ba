"""Reads a stack from CloudFormation, and says what is in the way."""

from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

# Complete and idle: its outputs are current.
STANDING = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
}
# Never complete: CloudFormation only allows deleting it.
NEVER_MADE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}


class StackError(Exception):
    """A stack cannot be read or does not exist. The message is a sentence."""


class NoStackError(StackError):
    """There is no stack of this name."""


def client(service: str, region: str):  # noqa: ANN201 (botocore makes its classes at run time)
    """A client that gives up quickly."""
    config = Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 2})
    return botocore.session.get_session().create_client(service, region_name=region, config=config)


def describe(stack: str, region: str) -> dict[str, Any]:
    """The stack as CloudFormation describes it; raises StackError."""
    try:
        found = client("cloudformation", region).describe_stacks(StackName=stack)["Stacks"]
        if not found:
            raise NoStackError(f"there is no stack {stack} in {region} (STACK= and REGION= name another)")
        return found[0]
    except StackError:
        raise
    except ClientError as error:
        message = error.response.get("Error", {}).get("Message", "")
        if "does not exist" in message:
            raise NoStackError(f"there is no stack {stack} in {region} (STACK= and REGION= name another)") from error
        raise StackError(
            f"CloudFormation does not show the stack {stack} in {region}: {describe_error(error)}"
        ) from error
    except Exception as error:
        # Any other error, say of a parser, becomes a sentence, too.
        raise StackError(f"the stack {stack} in {region} cannot be read: {describe_error(error)}") from error


def describe_error(error: Exception) -> str:
    """Formats an error of AWS, or of reaching it, in one line."""
    match error:
        case NoCredentialsError() | PartialCredentialsError():
            return "no AWS credentials: run `aws configure` or `aws sso login`, or set AWS_PROFILE"
        case ProfileNotFound():
            return f"there is no profile {error.kwargs.get('profile', '?')} (AWS_PROFILE)"
        case EndpointConnectionError():
            return "AWS does not respond: the region does not exist, or there is no network"
        case ClientError():
            details = error.response.get("Error", {})
            return " ".join(f"{details.get('Code', '?')}: {details.get('Message', '?')}".split())
        case BotoCoreError():
            return " ".join(str(error).split()).rstrip(".")
        case _:
            return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def outputs(described: dict[str, Any]) -> dict[str, str]:
    """Outputs by name."""
    return {each["OutputKey"]: each.get("OutputValue", "") for each in described.get("Outputs", [])}


def parameters(described: dict[str, Any]) -> dict[str, str]:
    """Parameters by name."""
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in described.get("Parameters", [])}


def impediment(stack: str, status: str, region: str) -> str | None:
    """Reason why the stack can be neither read nor deployed, with what to do; None if it can."""
    if status in STANDING or status == "REVIEW_IN_PROGRESS":
        return None
    if status in NEVER_MADE:
        return (
            f"the stack {stack} is in {status}: it can only be deleted, with `aws cloudformation delete-stack "
            f"--stack-name {stack} --region {region}`, and deployed again (its cause: docs/deploying.md#it-failed)"
        )
    if status.endswith("_IN_PROGRESS"):
        return f"the stack {stack} is in {status}: wait until it is done"
    return f"the stack {stack} is in {status}: see docs/deploying.md#it-failed"
