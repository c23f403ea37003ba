/**
 * Prints a line for each event that Hookline sends.
 *
 *     HOOKLINE_SECRET=whsec_… PORT=3000 node example/server.ts
 *     HOOKLINE_SECRET=whsec_… hookline listen demo.myshopify.com --forward http://localhost:3000/webhooks
 *
 * Needs Node 22.18 or newer, which runs TypeScript. In a project of your own, import from 'hookline-webhooks'.
 */

import { createServer } from 'node:http';
import { createWebhookHandler, recentIds } from '../src/index.ts';

const { HOOKLINE_SECRET, PORT = '3000' } = process.env;
if (!HOOKLINE_SECRET) {
  console.error('HOOKLINE_SECRET is missing: set it to the secret of the endpoint, which `hookline listen` prints');
  process.exit(2);
}

const handler = createWebhookHandler({
  secret: HOOKLINE_SECRET,
  seen: recentIds(),
  onInventoryChange: ({ data, previous }) => {
    // Without a former value the quantity has changed, and whether the product can be bought has not.
    const isAvailable = previous && previous.available === undefined ? undefined : data.available;
    const change = isAvailable === undefined ? 'stock changed' : isAvailable ? 'in stock' : 'sold out';
    console.log(`${change}: ${data.title ?? data.id}`);
  },
  onOrderComplete: ({ data, session_id }) => {
    // The shop's page has put the id of its chat session into the cart, as the cart attribute `session_id`.
    const origin = session_id ? `conversation ${session_id}` : `checkout ${data.id}`;
    const total = data.total ? `, ${data.total.amount} ${data.total.currency}` : '';
    console.log(`${origin} is finished: order ${data.order_name ?? data.id}${total}`);
  },
  onProductChange: ({ type, data, subject }) => {
    console.log(`${type}: ${('title' in data && data.title) || subject.id}`);
  },
  onSkipped: ({ type, reason }) => console.log(`skipped: ${type} (${reason})`),
});

const server = createServer(handler.node);
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on http://localhost:${PORT}/webhooks`));
