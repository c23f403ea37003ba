/** The samples of docs/events, which hold the package to what Hookline sends. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createWebhookHandler, type EventType } from '../src/index.ts';
import { Log, signedRequest } from './made.ts';

const root = new URL('..', import.meta.url).pathname;
const folder = new URL('../../../docs/events/samples/', import.meta.url);
const samples = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => readFileSync(new URL(name, folder), 'utf8'));

test('there are samples', () => assert.ok(samples.length > 20, String(samples.length)));

for (const sample of samples) {
  const { id, type } = JSON.parse(sample) as { id: string; type: EventType };
  test(`callback receives the sample of ${type}`, async () => {
    const log = new Log();
    const on = { [type]: (event: Log['events'][number]): unknown => log.events.push(event) };
    const options = log.options({ on });
    delete (options as { onInventoryChange?: unknown }).onInventoryChange;
    assert.equal((await createWebhookHandler(options)(await signedRequest(sample, id))).status, 204);
    assert.deepEqual(log.events, [JSON.parse(sample)]);
  });
}

test('samples have the types of the package', (context) => {
  const made = mkdtempSync(join(tmpdir(), 'hookline-samples-'));
  context.after(() => rmSync(made, { recursive: true }));
  const lines = samples.map((sample, at) => {
    const { type } = JSON.parse(sample) as { type: EventType };
    return `export const sample${at}: Event<'${type}'> = ${sample};`;
  });
  const compile = (text: string): string => {
    writeFileSync(`${made}/samples.mts`, `import type { Event } from '${root}src/index.ts';\n${text}`);
    const settings = { extends: `${root}tsconfig.json`, include: ['samples.mts'], compilerOptions: { types: [] } };
    writeFileSync(`${made}/tsconfig.json`, JSON.stringify(settings));
    const done = spawnSync(`${root}node_modules/.bin/tsc`, ['--project', made], { encoding: 'utf8' });
    return done.stdout + done.stderr;
  };
  assert.equal(compile(lines.join('\n')), '');
  assert.match(compile(lines.join('\n').replaceAll('"version": 1,', '"version": 2,')), /TS2322/);
});
