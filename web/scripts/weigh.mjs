// Fails if the page's scripts, each compressed with gzip, are larger than 150 kB together.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const LIMIT = 150_000;
const dist = process.argv[2] ?? 'dist';
const scripts = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
let total = 0;
for (const name of scripts.sort()) {
  const bytes = gzipSync(readFileSync(join(dist, name)), { level: 9 }).length;
  total += bytes;
  process.stdout.write(`${bytes.toLocaleString('en').padStart(9)}  ${name}\n`);
}
process.stdout.write(
  `${total.toLocaleString('en').padStart(9)}  bytes of compressed script, of ${LIMIT.toLocaleString('en')}\n`,
);
if (scripts.length === 0 || total > LIMIT) {
  process.stderr.write(
    scripts.length === 0
      ? `no script in ${dist}: run vite build first\n`
      : 'the scripts of the page are too large: remove or replace something\n',
  );
  process.exit(1);
}
