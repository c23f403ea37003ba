// Sources of webhooks, as people know them. A store of a source that is not here, such as one that another version of the
// server knows, shows the source's own name.

const NAMES: Record<string, string> = {
  shopify: 'Shopify',
  standard: 'Standard Webhooks',
  stripe: 'Stripe',
  square: 'Square',
  woocommerce: 'WooCommerce',
  zendesk: 'Zendesk',
};

/** A store's source, and its name there. */
export interface NamedStore {
  /** Name of the source in the API, as in `square`. */
  source: string;
  /** Name of the source for people, as in `Square`. */
  sourceName: string;
  /** Name of the store at its source, as in `MJUNIPER1OAK2`. */
  name: string;
}

/** Splits a store as the API writes it: a bare name is that of a shop at Shopify. */
export function namedStore(label: string): NamedStore {
  const at = label.indexOf(':');
  const source = at < 0 ? 'shopify' : label.slice(0, at);
  return { source, sourceName: NAMES[source] ?? source, name: label.slice(at + 1) };
}
