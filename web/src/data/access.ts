// Access of the principal, as far as the page shows it. The server decides.

import type { Me } from '../api';
import { ApiError, type Client } from './client';
import type { Session } from './session';

const CHECK_EVERY_MS = 45_000;
/** Interval of checks once the access has expired by this clock; the server's may be behind. */
const CHECK_EXPIRED_EVERY_MS = 5_000;

export function sees(me: Me, store: string): boolean {
  return me.stores.includes('*') || me.stores.includes(store);
}

export function mayChange(me: Me, store: string): boolean {
  return me.role === 'admin' && sees(me, store);
}

export interface AccessListener {
  me(): Me;
  changed(me: Me): void;
  ended(reason: string): void;
}

/** Checks with `GET /api/me` what the principal may still do. */
export class AccessMonitor {
  private checkedAt = Date.now();

  constructor(
    private readonly client: Client,
    private readonly session: Session,
    private readonly listener: AccessListener,
  ) {}

  tick(now: number): void {
    const expired = this.session.kind === 'operator' && Date.parse(this.listener.me().expires_at) <= now;
    if (now - this.checkedAt >= (expired ? CHECK_EXPIRED_EVERY_MS : CHECK_EVERY_MS)) void this.check();
  }

  async check(): Promise<void> {
    this.checkedAt = Date.now();
    try {
      this.listener.changed(await this.client.me());
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status !== 401 && error.status !== 403)) return;
      const expired = Date.parse(this.listener.me().expires_at) <= Date.now();
      this.listener.ended(expired ? 'Your access has expired.' : 'Your access was revoked, or has expired.');
    }
  }

  /** Checks the access if an error suggests that it has changed. */
  inspect(error: unknown): void {
    if (error instanceof ApiError && (error.isAccessDenied || error.status === 403)) void this.check();
  }
}
