"""`make where`: the outputs of a stack, from standard input as SAM lists them, as the variables `hookline` reads."""

import json
import shlex
import sys
from collections.abc import Mapping

VARIABLES = {
    "LedgerTableName": "LEDGER_TABLE",
    "EntitiesTableName": "ENTITIES_TABLE",
    "StoresTableName": "STORES_TABLE",
    "AccessTableName": "ACCESS_TABLE",
    "EventQueueUrl": "EVENT_QUEUE_URL",
    "EventDeadLetterQueueUrl": "DEAD_LETTER_QUEUE_URL",
    "PayloadBucketName": "PAYLOAD_BUCKET",
    "SyncQueueUrl": "SYNC_QUEUE_URL",
    "ConnectionsTableName": "CONNECTIONS_TABLE",
    "AuditTableName": "AUDIT_TABLE",
    "TokenKeyArn": "TOKEN_KEY_ARN",
    "ReceiverUrl": "RECEIVER_URL",
    "OpenSearchUrl": "OPENSEARCH_URL",
    "OpenSearchIndex": "OPENSEARCH_INDEX",
}

# What a stack does not have, say an archive, is nothing: so that another stack's is not taken for it.
OPTIONAL = {
    "ArchiveBucketName": "ARCHIVE_BUCKET",
    "OpenSearchSigningService": "OPENSEARCH_SIGNING_SERVICE",
    "ShopifyAdminUrl": "SHOPIFY_ADMIN_URL",
    "ShopifyClientId": "SHOPIFY_CLIENT_ID",
    "ShopifyClientSecretsArn": "SHOPIFY_CLIENT_SECRETS_ARN",
}


def variables(outputs: Mapping[str, str]) -> dict[str, str]:
    """The variables of a stack, from its outputs by their names."""
    found = {variable: outputs[key] for key, variable in VARIABLES.items()}
    return found | {variable: outputs.get(key, "") for key, variable in OPTIONAL.items()}


def exports(outputs: list[dict[str, str]]) -> list[str]:
    """A line of shell for each variable."""
    found = variables({output["OutputKey"]: output["OutputValue"] for output in outputs})
    return [f"export {variable}={shlex.quote(value)}" for variable, value in found.items()]


if __name__ == "__main__":
    print("\n".join(exports(json.load(sys.stdin))))
