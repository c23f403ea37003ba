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
  // `vite preview` has the policy that the page is served with.
  preview: {
    host: '127.0.0.1',
    port: 5174,
    headers: {
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
        "connect-src 'self' ws://127.0.0.1:*; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    },
  },
  server: { host: '127.0.0.1', port: 5173 },
  test: { include: ['src/**/*.test.ts', 'mock/**/*.test.ts'], environment: 'node' },
});
