"""`make where`: the outputs of a stack, from standard input as SAM lists them, as the variables `hookline` reads."""

import json
import shlex
import sys

VARIABLES = {
    "LedgerTableName": "LEDGER_TABLE",
    "EntitiesTableName": "ENTITIES_TABLE",
    "StoresTableName": "STORES_TABLE",
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
    "SigningService": "OPENSEARCH_SIGNING_SERVICE",
    "ShopifyAdminUrl": "SHOPIFY_ADMIN_URL",
    "ShopifyClientId": "SHOPIFY_CLIENT_ID",
    "ShopifyClientSecretsArn": "SHOPIFY_CLIENT_SECRETS_ARN",
}


def exports(outputs: list[dict[str, str]]) -> list[str]:
    """A line of shell for each variable."""
    values = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    found = {variable: values[key] for key, variable in VARIABLES.items()}
    found |= {variable: values.get(key, "") for key, variable in OPTIONAL.items()}
    return [f"export {variable}={shlex.quote(value)}" for variable, value in found.items()]


if __name__ == "__main__":
    print("\n".join(exports(json.load(sys.stdin))))
