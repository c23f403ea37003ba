"""A function without a variable that it needs does not start, and names it."""

import os
import subprocess

import pytest
from hookline_local.places import FUNCTIONS

NEEDS = {
    "products-create": ["LEDGER_TABLE", "EVENT_QUEUE_URL", "SHOPIFY_CLIENT_SECRETS"],
    "reindex": ["LEDGER_TABLE", "ENTITIES_TABLE", "STORES_TABLE", "OPENSEARCH_URL", "OPENSEARCH_INDEX"],
    "authorizer": ["ACCESS_TABLE", "SHOPIFY_CLIENT_SECRETS"],
    "status": ["STORES_TABLE"],
    "search": ["STORES_TABLE", "OPENSEARCH_URL", "OPENSEARCH_INDEX"],
}


@pytest.mark.parametrize("function", NEEDS)
def test_a_missing_variable_is_named(function: str) -> None:
    """All missing variables at once, so that one deployment fixes them."""
    # Nothing listens on port 1: a function that starts anyway ends there without naming a variable.
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
        "AWS_LAMBDA_FUNCTION_NAME": function,
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_REGION": "us-east-1",
        # With a client id, the secrets are required; without it, session tokens are not accepted.
        "SHOPIFY_CLIENT_ID": "an app",
    }
    binary = FUNCTIONS / function / "bootstrap"
    ended = subprocess.run([binary], env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode != 0
    for name in NEEDS[function]:
        assert name in ended.stdout + ended.stderr
