/** The adapters, in real servers over loopback. */

import assert from 'node:assert/strict';
import { createServer, request as openRequest, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { serve as serveHono } from '@hono/node-server';
import express from 'express';
import { Hono } from 'hono';
import { createWebhookHandler, type WebhookHandler } from '../src/index.ts';
import { bodyOf, gate, Log, signedHeaders } from './made.ts';

/** Waits for a server to listen and returns its URL; closes it after the test. */
async function listening(context: TestContext, server: Server): Promise<string> {
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`;
}

const serveNode = (listener: RequestListener): Server => createServer(listener).listen(0, '127.0.0.1');

const servers: Record<string, (handler: WebhookHandler) => Server> = {
  'node:http': (handler) => serveNode(handler.node),
  Express: (handler) => serveNode(express().all('/webhooks', handler.node)),
  'Express with express.raw': (handler) =>
    serveNode(
      express()
        .use(express.raw({ type: '*/*', limit: '9mb' }))
        .all('/webhooks', handler.node),
    ),
  'Express with express.text': (handler) =>
    serveNode(
      express()
        .use(express.text({ type: '*/*', limit: '9mb' }))
        .all('/webhooks', handler.node),
    ),
  'Express that keeps rawBody': (handler) => {
    const verify = (request: object, _: unknown, rawBody: Buffer): unknown => Object.assign(request, { rawBody });
    return serveNode(
      express()
        .use(express.json({ verify, strict: false }))
        .all('/webhooks', handler.node),
    );
  },
  Hono: (handler) =>
    serveHono({ fetch: new Hono().all('/webhooks', handler.hono).fetch, port: 0, hostname: '127.0.0.1' }) as Server,
};

for (const [name, serve] of Object.entries(servers)) {
  test(`requests get their answers: ${name}`, async (context) => {
    const log = new Log();
    const url = await listening(context, serve(createWebhookHandler(log.options())));
    const post = async (body: string, headers: Record<string, string>): Promise<number> => {
      const response = await fetch(url, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', ...headers },
      });
      assert.equal(await response.text(), '');
      return response.status;
    };
    const body = bodyOf('inventory.updated', { data: { title: 'größer'.repeat(9000) } });
    assert.equal(await post(body, await signedHeaders(body)), 204);
    assert.equal(await post(body, await signedHeaders(bodyOf())), 403);
    assert.equal(await post(body, {}), 403);
    assert.equal(await post('{}', await signedHeaders('{}')), 400);
    const get = await fetch(url);
    assert.deepEqual([get.status, get.headers.get('allow')], [405, 'POST']);
    assert.deepEqual(log.reasons, ['signature', 'headers', 'body']);
    assert.equal(log.events.length, 1);
  });
}

for (const name of ['node:http', 'Express', 'Express with express.raw', 'Hono']) {
  test(`body over the limit is answered 413 while it is sent: ${name}`, async (context) => {
    const log = new Log();
    const url = await listening(context, servers[name]!(createWebhookHandler(log.options())));
    assert.equal((await fetch(url, { method: 'POST', body: 'x'.repeat(2 * 1024 * 1024) })).status, 413);
    // Without a length, in pieces, and without an end where the server passes them on.
    const answered = gate();
    const request = openRequest(url, { method: 'POST' }, (response) => {
      assert.equal(response.statusCode, 413);
      response.resume();
      answered.open();
    });
    request.on('error', () => {});
    for (let sent = 0; sent < 20; sent += 1) request.write(Buffer.alloc(64 * 1024));
    if (name.includes('raw')) request.end();
    await answered.opened;
    request.destroy();
    assert.deepEqual(log.reasons, ['size', 'size']);
  });
}

for (const name of ['node:http', 'Express', 'Hono']) {
  test(`body may come in pieces: ${name}`, async (context) => {
    const log = new Log();
    const url = await listening(context, servers[name]!(createWebhookHandler(log.options())));
    const body = Buffer.from(bodyOf());
    const status = await new Promise((resolve, reject) => {
      const listen = (headers: Record<string, string>): void => {
        const request = openRequest(url, { method: 'POST', headers }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        request.on('error', reject);
        for (const byte of body) request.write(Buffer.of(byte));
        request.end();
      };
      signedHeaders(body).then(listen, reject);
    });
    assert.equal(status, 204);
    assert.equal(log.events.length, 1);
  });
}

test('body that express.json has consumed is answered 500 and explained', async (context) => {
  const log = new Log();
  const app = express().use(express.json());
  app.post('/webhooks', createWebhookHandler(log.options()).node);
  const url = await listening(context, serveNode(app));
  const body = bodyOf();
  assert.equal((await fetch(url, { method: 'POST', body, headers: await signedHeaders(body) })).status, 500);
  assert.deepEqual(log.reasons, ['consumed']);
  assert.match(log.failures[0]?.message ?? '', /before body parsers such as express\.json\(\)/);
});

test('body that a Hono middleware has consumed is answered 500 and explained', async (context) => {
  const log = new Log();
  const app = new Hono();
  app.use(async (c, next) => {
    await c.req.json();
    await next();
  });
  app.post('/webhooks', createWebhookHandler(log.options()).hono);
  const url = await listening(context, serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server);
  const body = bodyOf();
  assert.equal((await fetch(url, { method: 'POST', body, headers: await signedHeaders(body) })).status, 500);
  assert.deepEqual(log.reasons, ['consumed']);
});

test('request that other code has answered is handled, and the lost answer is reported', async (context) => {
  const log = new Log();
  const app = express().post('/webhooks', (_, response, next) => {
    response.sendStatus(202);
    next();
  });
  app.post('/webhooks', createWebhookHandler(log.options()).node);
  const url = await listening(context, serveNode(app));
  const body = bodyOf();
  const headers = await signedHeaders(body);
  assert.equal((await fetch(url, { method: 'POST', body, headers })).status, 202);
  // The next request is answered after the first has ended.
  while (!log.failures.length) await new Promise(setImmediate);
  assert.deepEqual(log.reasons, ['answered']);
  assert.equal(log.events.length, 1);
});

test('request whose sender is gone harms nothing', async (context) => {
  const log = new Log();
  const url = await listening(context, serveNode(createWebhookHandler(log.options()).node));
  const request = openRequest(url, { method: 'POST', headers: await signedHeaders(bodyOf()) });
  request.on('error', () => {});
  await new Promise((resolve) => request.write('{', resolve));
  request.destroy();
  while (!log.failures.length) await new Promise(setImmediate);
  assert.deepEqual(log.reasons, ['read']);
  const body = bodyOf();
  assert.equal((await fetch(url, { method: 'POST', body, headers: await signedHeaders(body) })).status, 204);
});
