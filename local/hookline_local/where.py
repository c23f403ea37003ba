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
}

# Of a stack without an archive: nothing, so that another stack's is not taken for it.
OPTIONAL = {"ArchiveBucketName": "ARCHIVE_BUCKET"}


def exports(outputs: list[dict[str, str]]) -> list[str]:
    """A line of shell for each variable."""
    values = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    found = {variable: values[key] for key, variable in VARIABLES.items()}
    found |= {variable: values.get(key, "") for key, variable in OPTIONAL.items()}
    return [f"export {variable}={shlex.quote(value)}" for variable, value in found.items()]


if __name__ == "__main__":
    print("\n".join(exports(json.load(sys.stdin))))
