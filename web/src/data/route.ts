// Address of a place in the panel: `#/`, `#/stores/<name>`, `#/stores/<name>/deliveries/<topic>/<id>`.

import { storeLabel } from './shop';

export interface Route {
  /** Null on the list of stores. */
  store: string | null;
  delivery: { topic: string; id: string } | null;
}

export const LIST: Route = { store: null, delivery: null };

/** Reads a location's hash. Returns null if it is no address of ours. */
export function readRoute(hash: string): Route | null {
  const parts = hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decoded);
  if (!hash.startsWith('#/') || parts.includes(null)) return null;
  const [head, store, next, topic, id, ...rest] = parts as string[];
  if (head === undefined) return LIST;
  if (head !== 'stores' || rest.length > 0) return null;
  if (store === undefined) return LIST;
  const name = storeLabel(store);
  if (name === null) return null;
  if (next === undefined) return { store: name, delivery: null };
  if (next === 'deliveries' && topic !== undefined && id !== undefined) return { store: name, delivery: { topic, id } };
  return null;
}

export function hashOf(route: Route): string {
  if (route.store === null) return '#/';
  const store = `#/stores/${encodeURIComponent(route.store)}`;
  if (route.delivery === null) return store;
  return `${store}/deliveries/${encodeURIComponent(route.delivery.topic)}/${encodeURIComponent(route.delivery.id)}`;
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
