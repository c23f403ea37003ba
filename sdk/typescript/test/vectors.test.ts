/** The vectors, with our package and with the official one. */

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { createWebhookHandler, sign } from '../src/index.ts';
import { bodyOf, ID, Log, NOW, SECRET, signedHeaders, signedRequest, type Vector, vectors } from './made.ts';

for (const vector of vectors()) {
  test(`vector gets its answer and its reason: ${vector.name}`, async () => {
    const log = new Log();
    const note = (event: Log['events'][number]): unknown => log.events.push(event);
    const on = { 'store.connected': note };
    const handler = createWebhookHandler(
      log.options({ secret: undefined, secrets: vector.secrets, on, now: () => vector.now * 1000 + 999 }),
    );
    const { headers, body } = vector;
    const response = await handler(new Request('http://localhost/', { method: 'POST', headers, body }));
    assert.equal(response.status, vector.valid ? 204 : vector.reason === 'body' ? 400 : 403);
    assert.equal(await response.text(), '');
    assert.deepEqual([...response.headers], []);
    assert.deepEqual(log.reasons, vector.reason ? [vector.reason] : []);
    assert.deepEqual(
      log.skipped.map((skipped) => skipped.reason),
      vector.skipped ? [vector.skipped] : [],
    );
    assert.equal(log.events.length, vector.valid && !vector.skipped ? 1 : 0);
  });

  test(`official package agrees on the signature: ${vector.name}`, () => {
    assert.equal(
      vector.secrets.some((secret) => officially(vector, secret)),
      vector.official,
    );
  });
}

for (const body of [bodyOf(), '{"ä": "🛒"}', '']) {
  test(`official package verifies our signature of ${body.length} characters`, async () => {
    const signed = await signedHeaders(body);
    atTime(NOW, () => new Webhook(SECRET).verify(body, signed, { jsonParse: false }));
  });
}

test('our handler verifies the official signature, which equals ours', async () => {
  const [body, log] = [bodyOf(), new Log()];
  const signature = new Webhook(SECRET).sign(ID, new Date(NOW * 1000), body);
  const signed = await signedRequest(body);
  signed.headers.set('webhook-signature', signature);
  assert.equal((await createWebhookHandler(log.options())(signed)).status, 204);
  assert.equal(log.events.length, 1);
  assert.equal(await sign(SECRET, ID, NOW, body), signature);
});

/** Verdict of the official package. */
function officially(vector: Vector, secret: string): boolean {
  try {
    atTime(vector.now, () =>
      new Webhook(secret).verify(Buffer.from(vector.body), vector.headers, { jsonParse: false }),
    );
    return true;
  } catch {
    return false;
  }
}

/** Calls a function with another clock. */
function atTime(seconds: number, call: () => unknown): void {
  mock.timers.enable({ apis: ['Date'], now: seconds * 1000 });
  try {
    call();
  } finally {
    mock.timers.reset();
  }
}
