"""`make where`: prints a stack's resources as the variables that `hookline` reads. All of them, or one sentence.

The output goes through `eval`: half of one stack's variables beside half of another's would be worse than none.
"""

import argparse
import shlex
import sys
from collections.abc import Mapping

from .region import NoRegionError, region
from .stacks import StackError, describe, impediment, outputs

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
    "ApiUrl": "API_URL",
    "PanelUrl": "PANEL_URL",
}

# Empty when a stack has none, so that the value of another stack does not stay in the shell.
OPTIONAL = {
    "ArchiveBucketName": "ARCHIVE_BUCKET",
    "EventsTableName": "EVENTS_TABLE",
    "EndpointsTableName": "ENDPOINTS_TABLE",
    "OutboxesTableName": "OUTBOXES_TABLE",
    "MessagesTableName": "MESSAGES_TABLE",
    "DispatchQueueUrl": "DISPATCH_QUEUE_URL",
    "SlowDispatchQueueUrl": "SLOW_DISPATCH_QUEUE_URL",
    "EndpointKeyArn": "ENDPOINT_KEY_ARN",
    "FanOutQueueUrl": "FAN_OUT_QUEUE_URL",
    "FanOutDeadLetterQueueUrl": "FAN_OUT_DEAD_LETTER_QUEUE_URL",
    "EventsOf": "EVENTS_OF",
    "OpenSearchSigningService": "OPENSEARCH_SIGNING_SERVICE",
    "ShopifyAdminUrl": "SHOPIFY_ADMIN_URL",
    "ShopifyClientId": "SHOPIFY_CLIENT_ID",
    "ShopifyClientSecretsArn": "SHOPIFY_CLIENT_SECRETS_ARN",
    "StandardKeysArn": "STANDARD_KEYS_ARN",
}


def variables(outputs: Mapping[str, str]) -> dict[str, str]:
    """The variables of a stack, from its outputs by their names."""
    found = {variable: outputs[key] for key, variable in VARIABLES.items()}
    return found | {variable: outputs.get(key, "") for key, variable in OPTIONAL.items()}


def exports(stack: str, where: str) -> list[str]:
    """A line of shell for each variable of a stack in a region; raises StackError."""
    described = describe(stack, where)
    status = described.get("StackStatus", "an unknown state")
    if problem := impediment(stack, status, where):
        raise StackError(problem)
    stack_outputs = outputs(described)
    missing = [name for name in VARIABLES if not stack_outputs.get(name)]
    if len(missing) == len(VARIABLES):
        raise StackError(
            f"the stack {stack} in {where} ({status}) has none of Hookline's outputs: is it another application's?"
        )
    if missing:
        raise StackError(f"the stack {stack} in {where} has no {', '.join(missing)}: update it with `make deploy`")
    found = {"AWS_REGION": where} | variables(stack_outputs)
    return [f"export {variable}={shlex.quote(value)}" for variable, value in found.items()]


def main(arguments: list[str]) -> int:
    """Prints the variables, or the reason why it cannot."""
    parser = argparse.ArgumentParser(prog="make where", usage="make where [STACK= REGION=]")
    parser.add_argument("--stack", default="")
    parser.add_argument("--region", default="")
    requested = parser.parse_args(arguments)
    try:
        if not requested.stack:
            raise StackError("no stack given: add STACK=hookline")
        lines = exports(requested.stack, region(requested.region))
    except (StackError, NoRegionError) as problem:
        print(f"make where: {problem}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
