// Lets people in and out of the page.

import { Client, Problem } from './client';
import { Emitter } from './emitter';
import { Hub } from './hub';
import { type Session, TokenKeeper, embedded, isToken, operator } from './session';

export type At =
  | { at: 'opening' }
  | { at: 'out'; reason: string | null; embedded: boolean }
  | { at: 'unreachable'; message: string }
  | { at: 'in'; hub: Hub };

const AGAIN_AFTER = 3_000;

export class Gate extends Emitter<{ now: At; busy: boolean }> {
  private readonly base = new URL('.', document.baseURI);
  private readonly keeper: TokenKeeper;
  private session: Session | null = null;

  constructor() {
    super({ now: { at: 'opening' }, busy: false });
    this.keeper = new TokenKeeper(this.base.pathname, {
      token: (token) => {
        if (this.session === null) void this.enter(operator(token));
      },
      ended: (key, reason) => {
        if (this.session?.kind === 'operator' && this.session.key === key) this.out(reason, false);
      },
    });
  }

  async open(): Promise<void> {
    const session = embedded(location.search, window.shopify);
    if (session !== null) return this.enter(session);
    const token = await this.keeper.find();
    if (this.session !== null) return;
    if (token !== null && isToken(token)) return this.enter(operator(token));
    this.set({ now: { at: 'out', reason: null, embedded: false } });
  }

  async signIn(text: string): Promise<void> {
    const token = text.trim();
    if (!isToken(token)) {
      const reason = 'This is not a token. It looks like hl_…_…; “hookline token create” makes one.';
      this.set({ now: { at: 'out', reason, embedded: false } });
      return;
    }
    this.set({ busy: true });
    await this.enter(operator(token), token);
    this.set({ busy: false });
  }

  signOut = (): void => this.out(null, true);

  private out(reason: string | null, tell: boolean): void {
    const { session } = this;
    if (this.state.now.at === 'in') this.state.now.hub.leave();
    if (session?.kind === 'operator') this.keeper.forget(session.key, reason, tell);
    this.session = null;
    this.set({ now: { at: 'out', reason, embedded: session?.kind === 'embedded' } });
  }

  private async enter(session: Session, fresh?: string): Promise<void> {
    this.session = session;
    const client = new Client(this.base, () => session.bearer());
    try {
      const me = await client.me();
      if (this.session !== session) return;
      if (fresh !== undefined) this.keeper.keep(fresh);
      const scope = this.base.pathname;
      this.set({ now: { at: 'in', hub: new Hub(me, client, session, scope, (reason) => this.out(reason, true)) } });
    } catch (problem) {
      if (this.session !== session) return;
      if (problem instanceof Problem && (problem.status === 401 || problem.status === 403)) {
        this.out('This token is not accepted: it is wrong, was revoked, or has expired.', false);
      } else if (fresh === undefined) {
        const message = problem instanceof Problem ? problem.message : 'Shopify’s admin did not answer.';
        this.set({ now: { at: 'unreachable', message } });
        setTimeout(() => void (this.session === session && this.enter(session)), AGAIN_AFTER);
      } else {
        this.session = null;
        const reason = problem instanceof Problem ? problem.message : 'The server did not answer.';
        this.set({ now: { at: 'out', reason, embedded: false } });
      }
    }
  }
}
