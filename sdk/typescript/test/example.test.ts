/** The example, as its readers start it. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { bodyOf, ID, SECRET, signedHeaders } from './made.ts';

const example = new URL('../example/server.ts', import.meta.url).pathname;

test('example prints a line for each event', async (context) => {
  const port = await freePort();
  const variables = { ...process.env, HOOKLINE_SECRET: SECRET, PORT: String(port) };
  const program = spawn(process.execPath, [example], { env: variables, stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(() => program.kill());
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => (await lines.next()).value;
  assert.equal(await next(), `listening on http://localhost:${port}/webhooks`);

  const now = Math.floor(Date.now() / 1000);
  const post = async (body: string, id: string): Promise<string> => {
    const headers = await signedHeaders(body, id, now);
    assert.equal((await fetch(`http://127.0.0.1:${port}/webhooks`, { method: 'POST', body, headers })).status, 204);
    return next();
  };
  const stove = { id: '1', title: 'Ember Pocket Stove', available: false };
  const stock = (changes: object): string => bodyOf('inventory.updated', { data: stove, ...changes });
  assert.equal(await post(stock({}), 'evt_1'), 'sold out: Ember Pocket Stove');
  assert.equal(await post(stock({ previous: null }), 'evt_2'), 'sold out: Ember Pocket Stove');
  assert.equal(await post(stock({ previous: {} }), 'evt_3'), 'stock changed: Ember Pocket Stove');
  assert.equal(await post(stock({ data: { ...stove, available: true } }), 'evt_4'), 'in stock: Ember Pocket Stove');
  assert.equal(await post(stock({}), 'evt_1'), 'skipped: inventory.updated (seen)');
  const total = { amount: '42.00', currency: 'EUR' };
  const order = (changes: object): string => bodyOf('checkout.completed', changes);
  const fromChat = order({ data: { id: '7', order_name: '#1042', total }, session_id: 'chat_7Q2M9K' });
  assert.equal(await post(fromChat, ID), 'conversation chat_7Q2M9K is finished: order #1042, 42.00 EUR');
  assert.equal(await post(order({ data: { id: '7' } }), 'evt_6'), 'checkout 7 is finished: order 7');
  assert.equal(await post(bodyOf('product.deleted', { data: { id: '1' } }), 'evt_5'), 'product.deleted: 1');
});

test('example without a secret says what is missing', () => {
  const { HOOKLINE_SECRET: _, ...variables } = process.env;
  const done = spawnSync(process.execPath, [example], { env: variables, encoding: 'utf8' });
  assert.equal(done.status, 2);
  assert.match(done.stderr, /^HOOKLINE_SECRET is missing/);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
