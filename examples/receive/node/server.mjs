/**
 * Receives Hookline's webhooks with node:http, and prints a line for each.
 *
 *     npm install hookline-webhooks          # see ../README.md
 *     HOOKLINE_SECRET=whsec_… PORT=3000 node server.mjs
 *
 * During a rotation HOOKLINE_SECRET holds both secrets, with a comma between them.
 */

import { createServer } from 'node:http';
import { createWebhookHandler, recentIds } from 'hookline-webhooks';

const { HOOKLINE_SECRET, PORT = '3000' } = process.env;
if (!HOOKLINE_SECRET) {
  console.error('HOOKLINE_SECRET is missing: set it to the secret of the endpoint');
  process.exit(2);
}

// The newest version of each thing. In production: a column of the thing's own row, and
// `UPDATE … SET version = $1 WHERE id = $2 AND version <= $1`, which also works for several processes.
const newest = new Map();

/** Returns true if a newer state of the event's subject was here before. */
function isOlder({ store, subject }) {
  if (subject.version === null) return false;
  const key = JSON.stringify([store.source, store.id, subject.kind, subject.id]);
  // Versions exceed 2^53. Two events of one state have the same version.
  const version = BigInt(subject.version);
  if (version < (newest.get(key) ?? version)) return true;
  newest.set(key, version);
  return false;
}

/** Answer first, work afterwards: put the event on a queue here. What throws is answered with 500, and sent again. */
function receive(event) {
  if (isOlder(event)) {
    console.log('skipped: older');
    return;
  }
  console.log(`handled: ${event.type} ${event.subject.kind}/${event.subject.id}`);
}

// Verifies the signature over the bytes of the body, refuses times over 5 minutes off, and answers 204, or 400, 403, 405, 413.
const handler = createWebhookHandler({
  secrets: HOOKLINE_SECRET.split(','),
  // Ids of one process. In production: { has, add } over a table with a unique key.
  seen: recentIds(),
  onInventoryChange: receive,
  onOrderComplete: receive,
  onProductChange: receive,
  // on: { 'order.created': receive },     // any other type
  onSkipped: ({ reason }) => console.log(`skipped: ${reason}`),
  onFailure: ({ reason }) => console.log(`refused: ${reason}`),
});

// Fetch (Request → Response): export const POST = handler;
// Express, before express.json(): app.post('/webhooks', handler.node);
const server = createServer(handler.node);
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${PORT}/webhooks`));
