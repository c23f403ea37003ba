// A receiver of Shopify's webhooks as it is written today: Shopify's own library checks the signature, Powertools
// drops duplicates by the webhook's id, and the body goes to SQS. It makes three calls: the claim, the send, the result.
import '@shopify/shopify-api/adapters/node';
import { ApiVersion, shopifyApi } from '@shopify/shopify-api';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';

const shopify = shopifyApi({
  apiKey: 'key',
  apiSecretKey: process.env.SHOPIFY_CLIENT_SECRET,
  apiVersion: ApiVersion.April26,
  hostName: 'example.com',
  isEmbeddedApp: false,
  logger: { log: () => {} },
});
const sqs = new SQSClient({});
const config = new IdempotencyConfig({ eventKeyJmesPath: 'id' });

const enqueue = makeIdempotent(
  async ({ id, topic, store }, body) => {
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: process.env.QUEUE_URL,
        MessageBody: body,
        MessageGroupId: store,
        MessageAttributes: {
          id: { DataType: 'String', StringValue: id },
          topic: { DataType: 'String', StringValue: topic },
          store: { DataType: 'String', StringValue: store },
        },
      }),
    );
    return { statusCode: 200 };
  },
  { persistenceStore: new DynamoDBPersistenceLayer({ tableName: process.env.TABLE }), config },
);

export const handler = async (event, context) => {
  config.registerLambdaContext(context);
  const rawBody = event.isBase64Encoded ? Buffer.from(event.body, 'base64').toString('utf8') : event.body;
  const rawRequest = { method: 'POST', url: event.rawPath, headers: event.headers };
  const checked = await shopify.webhooks.validate({ rawBody, rawRequest });
  if (!checked.valid) {
    return { statusCode: 401 };
  }
  return enqueue({ id: checked.webhookId, topic: checked.topic, store: checked.domain }, rawBody);
};
