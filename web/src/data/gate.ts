// Signs people in and out.

import type { Me } from '../api';
import { sees } from './access';
import { ApiError, Client } from './client';
import { Emitter } from './emitter';
import { Panel } from './panel';
import { type Channel, type Mode, type PageContext, type Session, type TokenStorage } from './session';
import { TokenKeeper, isToken, modeOf, operatorSession } from './session';

export type Screen =
  | { kind: 'opening' }
  /** An operator may sign in. */
  | { kind: 'signed-out'; reason: string | null }
  /** The page cannot be signed in to in the way it was opened. */
  | { kind: 'unavailable'; title: string; reason: string; reload: boolean }
  /** The server does not answer: the gate tries again until it does. */
  | { kind: 'unreachable'; message: string; operator: boolean }
  | { kind: 'signed-in'; panel: Panel };

export const RETRY_AFTER_MS = 3_000;

/** The parts of the browser that the gate uses. */
export interface Environment {
  page: PageContext;
  base: URL;
  channel: ((name: string) => Channel) | null;
  storage: () => TokenStorage;
  panel: (me: Me, client: Client, session: Session, scope: string, end: (reason: string | null) => void) => Panel;
  fetcher?: typeof fetch;
}

export function browserEnvironment(page: PageContext): Environment {
  return {
    page,
    base: new URL('.', document.baseURI),
    channel: 'BroadcastChannel' in window ? (name) => new BroadcastChannel(name) : null,
    storage: () => sessionStorage,
    panel: (...args) => new Panel(...args),
  };
}

/** Screen after the end of a session in Shopify's admin. */
const EMBEDDED_SIGNED_OUT = {
  title: 'You are signed out',
  reason: 'Open the app again from your Shopify admin.',
  reload: true,
};

export class Gate extends Emitter<{ screen: Screen; busy: boolean }> {
  private readonly mode: Mode;
  /** Only in operator mode: any other page neither keeps a token nor receives one. */
  private readonly keeper: TokenKeeper | null;
  private session: Session | null = null;

  constructor(private readonly environment: Environment) {
    super({ screen: { kind: 'opening' }, busy: false });
    this.mode = modeOf(environment.page);
    this.keeper = this.mode.kind === 'operator' ? this.newKeeper() : null;
  }

  async open(): Promise<void> {
    const { mode, keeper } = this;
    if (mode.kind === 'embedded') return this.enter(mode.session);
    if (mode.kind === 'unavailable' || keeper === null) return this.showUnavailable(mode);
    const token = await keeper.find();
    if (this.session !== null) return;
    if (token !== null && isToken(token)) return this.enter(operatorSession(token));
    this.set({ screen: { kind: 'signed-out', reason: null } });
  }

  async signIn(text: string): Promise<void> {
    if (this.keeper === null) return this.showUnavailable(this.mode);
    const token = text.trim();
    if (!isToken(token)) {
      const reason = 'This is not a token. A token looks like hl_…_…; run “hookline token create” to make one.';
      this.set({ screen: { kind: 'signed-out', reason } });
      return;
    }
    this.set({ busy: true });
    await this.enter(operatorSession(token), token);
    this.set({ busy: false });
  }

  signOut = (): void => this.end(null, true);

  /** Gives up on a server that does not answer, in this tab only. */
  useAnotherToken = (): void => this.end(null, false);

  private newKeeper(): TokenKeeper {
    const { channel, storage, base } = this.environment;
    return new TokenKeeper(channel === null ? null : channel(`hookline session ${base.pathname}`), storage, {
      received: (token) => {
        if (this.session === null) void this.enter(operatorSession(token));
      },
      ended: (key, reason) => {
        if (this.session?.key === key) this.end(reason, false);
      },
    });
  }

  /** Ends the session. `everywhere` ends it in the other tabs, too. */
  private end(reason: string | null, everywhere: boolean): void {
    const { session } = this;
    const { screen } = this.state;
    if (screen.kind === 'signed-in') screen.panel.leave();
    if (session?.kind === 'operator') this.keeper?.forget(session.key, reason, everywhere);
    this.session = null;
    if (this.keeper !== null) this.set({ screen: { kind: 'signed-out', reason } });
    else this.showUnavailable(this.mode, reason);
  }

  private showUnavailable(mode: Mode, reason: string | null = null): void {
    const text = mode.kind === 'unavailable' ? mode : { ...EMBEDDED_SIGNED_OUT, ...(reason && { reason }) };
    this.set({ screen: { ...text, kind: 'unavailable' } });
  }

  /** Signs in, and retries until the server answers. `newToken` is a typed token, kept once the server accepts it. */
  private async enter(session: Session, newToken?: string): Promise<void> {
    this.session = session;
    const { base, fetcher } = this.environment;
    const client = new Client(base, () => session.bearer(), fetcher);
    let me: Me;
    try {
      me = await client.me();
    } catch (error) {
      if (this.session === session) this.handleFailure(session, newToken, error);
      return;
    }
    if (this.session !== session) return;
    if (this.mode.kind === 'embedded' && !sees(me, this.mode.shop)) {
      this.end('Shopify signed you in to another store than the one in the address. Open the app again.', false);
      return;
    }
    if (newToken !== undefined) this.keeper?.keep(newToken);
    const panel = this.environment.panel(me, client, session, base.pathname, (reason) => this.end(reason, true));
    this.set({ screen: { kind: 'signed-in', panel } });
  }

  private handleFailure(session: Session, newToken: string | undefined, error: unknown): void {
    const operator = session.kind === 'operator';
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
      const name = operator ? 'This token' : 'Shopify’s session token';
      this.end(`${name} is not accepted: it is wrong, was revoked, or has expired.`, false);
      return;
    }
    const message = error instanceof ApiError ? error.message : 'Shopify’s admin did not answer.';
    this.set({ screen: { kind: 'unreachable', message, operator } });
    setTimeout(() => void (this.session === session && this.enter(session, newToken)), RETRY_AFTER_MS);
  }
}
