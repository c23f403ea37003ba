import { defineConfig } from 'vitest/config';
import { mock } from './mock/server.ts';

// Addresses in the built page are relative, because a local stack serves it under a path. Nothing is inlined: the page's policy
// allows scripts and styles only as files of its own origin.
export default defineConfig({
  base: './',
  plugins: [mock()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
  // `vite preview` serves the page under the policy that it has on AWS.
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
  test: { include: ['src/**/*.test.{ts,tsx}', 'mock/**/*.test.ts'], environment: 'node' },
});
