// Who is signed in here. An operator's token is kept for the life of its tab, and given to other tabs of the same origin
// that ask; it is never in an address, and never kept where it outlives the browser. Within Shopify's admin there is
// none: App Bridge gives a token for a minute, for each request
// (https://shopify.dev/docs/api/app-home/apis/authentication-and-data/id-token-api).

declare global {
  interface Window {
    shopify?: { idToken?: () => Promise<string> };
  }
}

const KEPT = 'hookline.token';
/** App Bridge does not answer outside of the admin. */
const APP_BRIDGE_WITHIN = 10_000;
/** Another tab answers within this, if there is one. */
const OTHERS_WITHIN = 250;

export interface Session {
  kind: 'operator' | 'embedded';
  /** What tabs that are signed in alike have in common. No secret. */
  key: string;
  bearer(): Promise<string>;
}

export function isToken(text: string): boolean {
  return /^hl_[A-Za-z0-9]+_[A-Za-z0-9_-]{16,}$/.test(text);
}

export function operator(token: string): Session {
  // The second part names the token; the third is the secret.
  return { kind: 'operator', key: token.split('_').slice(0, 2).join('_'), bearer: () => Promise.resolve(token) };
}

/** The session that Shopify's admin gives, if the page is shown in it. */
export function embedded(search: string, shopify: Window['shopify']): Session | null {
  const shop = new URLSearchParams(search).get('shop');
  const idToken = shopify?.idToken;
  if (shop === null || !/^[a-z0-9][a-z0-9-]*\.myshopify\.com$/.test(shop) || typeof idToken !== 'function') return null;
  return {
    kind: 'embedded',
    key: shop,
    bearer: () =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error('App Bridge does not answer')), APP_BRIDGE_WITHIN);
        idToken()
          .then(resolve, reject)
          .finally(() => clearTimeout(late));
      }),
  };
}

type Told = { kind: 'who' } | { kind: 'token'; token: string } | { kind: 'ended'; key: string; reason: string | null };

/** Keeps the operator's token, and talks with other tabs about it. */
export class TokenKeeper {
  private readonly channel: BroadcastChannel | null;

  constructor(
    scope: string,
    private readonly listener: { token(token: string): void; ended(key: string, reason: string | null): void },
  ) {
    this.channel = 'BroadcastChannel' in window ? new BroadcastChannel(`hookline session ${scope}`) : null;
    this.channel?.addEventListener('message', (event: MessageEvent<Told>) => this.heard(event.data));
  }

  /** The token of this tab, or of another. */
  async find(): Promise<string | null> {
    const kept = this.kept();
    if (kept !== null || this.channel === null) return kept;
    this.tell({ kind: 'who' });
    await new Promise((resolve) => setTimeout(resolve, OTHERS_WITHIN));
    return this.kept();
  }

  keep(token: string): void {
    this.store(token);
    this.tell({ kind: 'token', token });
  }

  forget(key: string, reason: string | null, tell: boolean): void {
    this.store(null);
    if (tell) this.tell({ kind: 'ended', key, reason });
  }

  private kept(): string | null {
    try {
      return sessionStorage.getItem(KEPT);
    } catch {
      return null;
    }
  }

  private store(token: string | null): void {
    try {
      if (token === null) sessionStorage.removeItem(KEPT);
      else sessionStorage.setItem(KEPT, token);
    } catch {
      // Storage is off: the token lives as long as the page.
    }
  }

  private tell(told: Told): void {
    this.channel?.postMessage(told);
  }

  private heard(told: Told): void {
    const kept = this.kept();
    if (told.kind === 'who' && kept !== null) this.tell({ kind: 'token', token: kept });
    if (told.kind === 'token' && kept === null && isToken(told.token)) {
      this.store(told.token);
      this.listener.token(told.token);
    }
    if (told.kind === 'ended') this.listener.ended(told.key, told.reason);
  }
}
