// What somebody may do, as far as the page shows it. The server decides.

import type { Me } from '../api';

export function sees(me: Me, store: string): boolean {
  return me.stores.includes('*') || me.stores.includes(store);
}

export function mayChange(me: Me, store: string): boolean {
  return me.role === 'admin' && sees(me, store);
}
