"""Checks the secret that receivers read when they start: without it none of them starts."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from .stacks import describe_error

if TYPE_CHECKING:
    from .preflight import Plan

AWS_KEY = "alias/aws/secretsmanager"


def check(plan: "Plan", client: Callable[[str], Any]) -> Iterator[tuple[str, str]]:
    """Checks that the secret exists, by its full ARN, in this region, with a key that functions may use."""
    arn = plan.parameters.get("ShopifyClientSecretsArn", "")
    region = arn.split(":")[3] if arn.count(":") >= 6 else ""
    if region != plan.region:
        yield (
            "STOP",
            f"the secret is in {region or 'no region'}, and functions look for it in {plan.region}: store it there",
        )
        return
    try:
        found = client("secretsmanager").describe_secret(SecretId=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ResourceNotFoundException", "ValidationException"):
            yield "STOP", f"there is no secret {arn}: {describe_error(error)}"
            return
        raise
    if found["ARN"] != arn:
        yield (
            "STOP",
            f"SHOPIFY_CLIENT_SECRETS_ARN= is not the full ARN, which permissions need: it is {found['ARN']}",
        )
    if found.get("DeletedDate"):
        yield "STOP", "the secret is scheduled for deletion: restore it with `aws secretsmanager restore-secret`"
    key = found.get("KmsKeyId")
    if key and not key.endswith(AWS_KEY) and not is_aws_managed(key, client):
        yield (
            "STOP",
            (
                f"the secret is encrypted with {key}, which functions may not use: encrypt it with the key "
                "aws/secretsmanager (`aws secretsmanager update-secret --kms-key-id alias/aws/secretsmanager`)"
            ),
        )


def is_aws_managed(key: str, client: Callable[[str], Any]) -> bool:
    """Returns whether AWS manages a key."""
    return client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyManager"] == "AWS"
