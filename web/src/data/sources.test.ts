import { expect, test } from 'vitest';
import { namedStore } from './sources';

test('a bare name is a shop, and every other store names its source', () => {
  expect(namedStore('demo.myshopify.com')).toEqual({
    source: 'shopify',
    sourceName: 'Shopify',
    name: 'demo.myshopify.com',
  });
  expect(namedStore('stripe:acct_1AbC')).toEqual({ source: 'stripe', sourceName: 'Stripe', name: 'acct_1AbC' });
  expect(namedStore('acme:ACME1').sourceName).toBe('acme');
});
