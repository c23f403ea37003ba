import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Status } from '../src/api';
import { CODE_SENTENCES } from './attempts.ts';
import { MESSAGES } from './server.ts';
import { Store, me, world } from './world.ts';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const server = read('fixtures/said.json') + read('fixtures/stack.json');

/** Replaces what differs between stores and times in a sentence. */
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

it('the mock uses only sentences of the server', () => {
  const stores = [...world().values()];
  for (const store of stores) {
    for (const said of sentences(store.status)) expect(known, store.name).toContain(inJson(said));
  }
  const demo = new Store('demo.myshopify.com', 'live');
  for (const outcome of ['applied', 'waiting', 'parked', 'superseded', 'noted'] as const) {
    const { entries, notices } = demo.receive(outcome, 'products/update');
    for (const said of sentences(demo.status)) expect(known).toContain(inJson(said));
    for (const { message, advice } of notices) {
      expect(known).toContain(inJson(message));
      expect(known).toContain(inJson(advice ?? ''));
    }
    const [entry] = entries;
    const detail = demo.delivery(entry?.topic ?? '', entry?.id ?? '');
    expect(detail?.meaning, outcome).not.toBe('');
    expect(known).toContain(inJson(detail?.meaning ?? '?'));
    expect(known).toContain(inJson(detail?.problem?.advice ?? ''));
  }
});

it('the mock answers actions as the server does', () => {
  const actions = read('../crates/api/src/api/actions.rs');
  expect(actions).toContain(MESSAGES.dismiss);
  const sentenceSource = read('../crates/domain/src/delivery/failed/sentence.rs');
  for (const part of MESSAGES.try_now.split(/(?<=\.) /)) expect(sentenceSource).toContain(part);
  expect(MESSAGES.redrive).toBe('1 dead letter went back to the queue.');
  expect(actions).toContain('went back to the queue.');
});

it('the mock has the receivers of the server', () => {
  const principal = { id: 'tok', role: 'admin' as const, stores: ['*'], expires: Date.now() };
  const receivers = me(principal, 'mock').receivers;
  expect(receivers.length).toBeGreaterThan(0);
  for (const { topic, url } of receivers) expect(url.endsWith(topic.replace(/[/_]/g, '-'))).toBe(true);
});

it('the mock explains failed attempts as the server does', () => {
  const codes = read('../crates/domain/src/outbound/attempt.rs');
  for (const sentence of Object.values(CODE_SENTENCES)) expect(codes).toContain(JSON.stringify(sentence));
});
