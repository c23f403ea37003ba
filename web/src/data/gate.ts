// Lets people in and out of the page.

import type { Me } from '../api';
import { sees } from './access';
import { Client, Problem } from './client';
import { Emitter } from './emitter';
import { Hub } from './hub';
import { type Channel, type Kept, type Mode, type Opened, type Session } from './session';
import { TokenKeeper, isToken, modeOf, operator } from './session';

export type At =
  | { at: 'opening' }
  /** Nobody is signed in: an operator may. */
  | { at: 'out'; reason: string | null }
  /** Nobody can be, as the page was opened. */
  | { at: 'shut'; title: string; reason: string; reload: boolean }
  /** Tried again until there is an answer. */
  | { at: 'unreachable'; message: string; operator: boolean }
  | { at: 'in'; hub: Hub };

/** How long to wait before the server is asked again. */
export const AGAIN_AFTER = 3_000;

/** What the gate needs of the browser. */
export interface Around {
  opened: Opened;
  base: URL;
  channel: ((name: string) => Channel) | null;
  storage: () => Kept;
  hub: (me: Me, client: Client, session: Session, scope: string, end: (reason: string | null) => void) => Hub;
  fetched?: typeof fetch;
}

export function browser(opened: Opened): Around {
  return {
    opened,
    base: new URL('.', document.baseURI),
    channel: 'BroadcastChannel' in window ? (name) => new BroadcastChannel(name) : null,
    storage: () => sessionStorage,
    hub: (...args) => new Hub(...args),
  };
}

export class Gate extends Emitter<{ now: At; busy: boolean }> {
  private readonly mode: Mode;
  /** An operator's only: any other page neither keeps a token nor hears of one. */
  private readonly keeper: TokenKeeper | null;
  private session: Session | null = null;

  constructor(private readonly around: Around) {
    super({ now: { at: 'opening' }, busy: false });
    this.mode = modeOf(around.opened);
    this.keeper = this.mode.kind === 'operator' ? this.keeping() : null;
  }

  private keeping(): TokenKeeper {
    const { channel, storage, base } = this.around;
    return new TokenKeeper(channel === null ? null : channel(`hookline session ${base.pathname}`), storage, {
      token: (token) => {
        if (this.session === null) void this.enter(operator(token));
      },
      ended: (key, reason) => {
        if (this.session?.key === key) this.out(reason, false);
      },
    });
  }

  async open(): Promise<void> {
    const { mode, keeper } = this;
    if (mode.kind === 'embedded') return this.enter(mode.session);
    if (mode.kind === 'shut' || keeper === null) return this.shut(mode);
    const token = await keeper.find();
    if (this.session !== null) return;
    if (token !== null && isToken(token)) return this.enter(operator(token));
    this.set({ now: { at: 'out', reason: null } });
  }

  async signIn(text: string): Promise<void> {
    if (this.keeper === null) return this.shut(this.mode);
    const token = text.trim();
    if (!isToken(token)) {
      const reason = 'This is not a token. Tokens look like hl_…_…; “hookline token create” makes one.';
      this.set({ now: { at: 'out', reason } });
      return;
    }
    this.set({ busy: true });
    await this.enter(operator(token), token);
    this.set({ busy: false });
  }

  signOut = (): void => this.out(null, true);

  /** Gives up on a server that does not answer, in this tab only. */
  otherToken = (): void => this.out(null, false);

  private out(reason: string | null, tell: boolean): void {
    const { session } = this;
    if (this.state.now.at === 'in') this.state.now.hub.leave();
    if (session?.kind === 'operator') this.keeper?.forget(session.key, reason, tell);
    this.session = null;
    if (this.keeper !== null) this.set({ now: { at: 'out', reason } });
    else this.shut(this.mode, reason);
  }

  private shut(mode: Mode, reason: string | null = null): void {
    this.set({
      now: mode.kind === 'shut' ? { at: 'shut', ...mode } : { at: 'shut', ...LEFT, ...(reason && { reason }) },
    });
  }

  /** Asks who that is, until there is an answer. `fresh`: the token that was typed, kept once it is accepted. */
  private async enter(session: Session, fresh?: string): Promise<void> {
    this.session = session;
    const { base, fetched } = this.around;
    const client = new Client(base, () => session.bearer(), fetched);
    let me: Me;
    try {
      me = await client.me();
    } catch (problem) {
      if (this.session === session) this.refused(session, fresh, problem);
      return;
    }
    if (this.session !== session) return;
    if (this.mode.kind === 'embedded' && !sees(me, this.mode.shop)) {
      this.out('Shopify signed you in to another store than the address names. Open the app again.', false);
      return;
    }
    if (fresh !== undefined) this.keeper?.keep(fresh);
    const hub = this.around.hub(me, client, session, base.pathname, (reason) => this.out(reason, true));
    this.set({ now: { at: 'in', hub } });
  }

  private refused(session: Session, fresh: string | undefined, problem: unknown): void {
    if (problem instanceof Problem && (problem.status === 401 || problem.status === 403)) {
      const whose = session.kind === 'operator' ? 'This token' : 'Shopify’s session token';
      this.out(`${whose} is not accepted: it is wrong, was revoked, or has expired.`, false);
      return;
    }
    const message = problem instanceof Problem ? problem.message : 'Shopify’s admin did not answer.';
    this.set({ now: { at: 'unreachable', message, operator: session.kind === 'operator' } });
    setTimeout(() => void (this.session === session && this.enter(session, fresh)), AGAIN_AFTER);
  }
}

/** What one who was signed in through Shopify's admin sees after the end. */
const LEFT = { title: 'You are signed out', reason: 'Open the app again from your Shopify admin.', reload: true };
