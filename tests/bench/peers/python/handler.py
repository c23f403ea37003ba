"""A receiver of Shopify's webhooks as it is written today.

hmac checks the signature, Powertools drops duplicates by the webhook's id, and the body goes to SQS. It makes three
calls: the claim, the send, the result.
"""

import base64
import hashlib
import hmac
import os

import boto3
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

SECRET = os.environ["SHOPIFY_CLIENT_SECRET"].encode()
SQS = boto3.client("sqs")
CONFIG = IdempotencyConfig(event_key_jmespath="id")
STORE = DynamoDBPersistenceLayer(table_name=os.environ["TABLE"])


@idempotent_function(data_keyword_argument="delivery", config=CONFIG, persistence_store=STORE)
def enqueue(delivery: dict, body: str) -> dict:
    """Sends it once."""
    SQS.send_message(
        QueueUrl=os.environ["QUEUE_URL"],
        MessageBody=body,
        MessageGroupId=delivery["store"],
        MessageAttributes={
            name: {"DataType": "String", "StringValue": delivery[name]} for name in ("id", "topic", "store")
        },
    )
    return {"statusCode": 200}


def handler(event: dict, context: object) -> dict:
    """One webhook, as API Gateway hands it over (payload 2.0)."""
    CONFIG.register_lambda_context(context)
    headers = event["headers"]
    raw = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
    signature = base64.b64encode(hmac.new(SECRET, raw, hashlib.sha256).digest()).decode()
    if not hmac.compare_digest(signature, headers.get("x-shopify-hmac-sha256", "")):
        return {"statusCode": 401}
    delivery = {
        "id": headers["x-shopify-webhook-id"],
        "topic": headers["x-shopify-topic"],
        "store": headers["x-shopify-shop-domain"],
    }
    return enqueue(delivery=delivery, body=raw.decode())
