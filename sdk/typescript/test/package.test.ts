/** The package as it is published: content, size, and use from outside. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';

const MAX_COMPRESSED_BYTES = 6000;

const root = new URL('..', import.meta.url).pathname;
let folder = '';
let installed = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'hookline-webhooks-'));
  const npm = (...arguments_: string[]): string =>
    execFileSync('npm', ['--silent', ...arguments_], { cwd: root, encoding: 'utf8' });
  npm('run', 'build');
  const archive = npm('pack', '--pack-destination', folder).trim();
  execFileSync('tar', ['--extract', '--file', join(folder, archive)], { cwd: folder });
  installed = join(folder, 'package');
});

after(() => rmSync(folder, { recursive: true }));

test('package has what belongs and nothing else', () => {
  const files = readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));
  const modules = ['body', 'events', 'handler', 'index', 'seen', 'verify'];
  const built = modules.flatMap((name) => [`dist/${name}.d.ts`, `dist/${name}.js`]);
  assert.deepEqual(
    files.toSorted(),
    ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', ...built, 'package.json'].toSorted(),
  );
});

test('licenses are those of the repository', () => {
  for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) {
    assert.equal(readFileSync(join(installed, name), 'utf8'), readFileSync(join(root, '..', '..', name), 'utf8'));
  }
});

test('code of the package is small', (context) => {
  const modules = readdirSync(join(installed, 'dist')).filter((name) => name.endsWith('.js'));
  const size = gzipSync(Buffer.concat(modules.map((name) => readFileSync(join(installed, 'dist', name)))), {
    level: 9,
  }).length;
  context.diagnostic(`${size} bytes compressed, of at most ${MAX_COMPRESSED_BYTES}`);
  assert.ok(size <= MAX_COMPRESSED_BYTES, `${size} bytes`);
});

test('package has no dependencies', () => {
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  assert.deepEqual([manifest.dependencies, manifest.peerDependencies], [undefined, undefined]);
});

test('package can be used from JavaScript, and its types from TypeScript', () => {
  const project = join(folder, 'project');
  mkdirSync(join(project, 'node_modules'), { recursive: true });
  symlinkSync(installed, join(project, 'node_modules', 'hookline-webhooks'));
  const secret = `'whsec_${'A'.repeat(32)}'`;
  const code = (name: string): string => `
    import { createWebhookHandler } from 'hookline-webhooks';
    const handler = createWebhookHandler({
      secret: ${secret},
      onInventoryChange: (event) => ${name},
      on: { 'custom.hello': (event) => event.data },
    });
    const response = await handler(new Request('http://localhost/'));
    if (response.status !== 405) throw new Error(String(response.status));
    export {};
  `;
  writeFileSync(join(project, 'package.json'), '{"type": "module"}');
  writeFileSync(join(project, 'main.js'), code('event.data.title'));
  execFileSync(process.execPath, ['main.js'], { cwd: project });
  const compile = (name: string): string => {
    writeFileSync(join(project, 'main.ts'), code(name));
    const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--types', '', 'main.ts'];
    return spawnSync(join(root, 'node_modules', '.bin', 'tsc'), options, { cwd: project, encoding: 'utf8' }).stdout;
  };
  assert.equal(compile('event.data.variants?.[0]?.quantity'), '');
  assert.match(compile('event.data.quantity'), /Property 'quantity' does not exist on type 'ProductData'/);
});
