import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Status } from '../src/api';
import { MESSAGES } from './server.ts';
import { Store, me, world } from './world.ts';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const server = read('fixtures/said.json') + read('fixtures/stack.json');

/** A sentence without what is another in each store and at each time. */
const plain = (text: string) =>
  text.replace(/[a-z0-9-]+\.myshopify\.com/g, 'demo.myshopify.com').replace(/\d\d:\d\d UTC/g, '');
const known = plain(server);

function sentences({ why, reasons, silence, failed }: Status): string[] {
  return [
    why,
    silence.message,
    silence.advice ?? '',
    ...reasons.flatMap(({ message, advice }) => [message, advice ?? '']),
    ...failed.deliveries.flatMap(({ meaning, message }) => [meaning, message]),
  ];
}

const inJson = (text: string) => JSON.stringify(plain(text)).slice(1, -1);

it('the made-up stack says of stores what the server says, and nothing else', () => {
  const stores = [...world().values()];
  for (const store of stores) {
    for (const said of sentences(store.status)) expect(known, store.name).toContain(inJson(said));
  }
  const demo = new Store('demo.myshopify.com', 'live');
  for (const outcome of ['applied', 'waiting', 'parked', 'superseded', 'noted'] as const) {
    const { entries, notices } = demo.happen(outcome, 'products/update');
    for (const said of sentences(demo.status)) expect(known).toContain(inJson(said));
    for (const { message, advice } of notices) {
      expect(known).toContain(inJson(message));
      expect(known).toContain(inJson(advice ?? ''));
    }
    const [entry] = entries;
    const fate = demo.fate(entry?.topic ?? '', entry?.id ?? '');
    expect(fate?.meaning, outcome).not.toBe('');
    expect(known).toContain(inJson(fate?.meaning ?? '?'));
  }
});

it('the made-up stack answers actions as the server does', () => {
  const actions = read('../crates/lambda/src/api/actions.rs');
  expect(actions).toContain(MESSAGES.dismiss);
  const spoken = read('../crates/domain/src/delivery/failed/sentence.rs');
  for (const part of MESSAGES.try_now.split(/(?<=\.) /)) expect(spoken).toContain(part);
  expect(MESSAGES.redrive).toBe('1 dead letter went back to the queue.');
  expect(actions).toContain('went back to the queue.');
});

it('the made-up stack names the receivers that the server names', () => {
  const principal = { id: 'tok', role: 'admin' as const, stores: ['*'], expires: Date.now() };
  const receivers = me(principal, 'mock').receivers;
  expect(receivers.length).toBeGreaterThan(0);
  for (const { topic, url } of receivers) expect(url.endsWith(topic.replace(/[/_]/g, '-'))).toBe(true);
});
