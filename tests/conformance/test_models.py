"""Stubs and emulators refuse the same requests as AWS's models."""

import json

import pytest
from hookline_local import models

READ = "secretsmanager.GetSecretValue"
OLD, NEW = "application/x-amz-json-1.0", "application/x-amz-json-1.1"


def test_files_for_the_stubs_match_the_models() -> None:
    """Or `python -m hookline_local.models` was not run after botocore's update."""
    for path, text in models.written().items():
        assert path.read_text() == text, path.name


@pytest.mark.parametrize(
    ("target", "content_type", "members", "status"),
    [
        (READ, NEW, {"SecretId": "a"}, None),
        (READ, OLD, {"SecretId": "a"}, 404),
        (READ, "", {"SecretId": "a"}, 404),
        (READ, NEW, {}, 400),
        (READ, NEW, {"SecretId": 7}, 400),
        ("secretsmanager.Get", NEW, {}, 404),
        ("AmazonSQS.SendMessage", OLD, {"QueueUrl": "q", "MessageBody": "a"}, None),
        ("AmazonSQS.SendMessage", NEW, {"QueueUrl": "q", "MessageBody": "a"}, 404),
        ("DynamoDB_20120810.GetItem", OLD, {"TableName": "t", "Key": {"pk": {"S": "a"}}}, None),
        ("DynamoDB_20120810.GetItem", OLD, {"TableName": "t"}, 400),
        ("TrentService.Decrypt", NEW, {"CiphertextBlob": "AAAA"}, None),
    ],
)
def test_the_emulator_refuses_what_aws_refuses(
    target: str, content_type: str, members: dict, status: int | None
) -> None:
    """The wrong version, an operation that there is not, a member that is missing or of another type."""
    refused = models.refusal(target, content_type, json.dumps(members).encode())
    assert (refused and refused[0]) == status
