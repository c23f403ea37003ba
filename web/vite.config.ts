import { defineConfig } from 'vitest/config';
import { mock } from './mock/server.ts';

// Every address in the built page is relative, for locally it is served under a path of its own. Nothing is inlined: the
// page's policy allows scripts and styles of its own origin only, as files.
export default defineConfig({
  base: './',
  plugins: [mock()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
  server: { host: '127.0.0.1', port: 5173 },
  test: { include: ['src/**/*.test.ts', 'mock/**/*.test.ts'], environment: 'node' },
});
