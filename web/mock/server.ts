// Mock of the stack's API and WebSocket, beside the development server. Tokens: hl_admin_…, hl_viewer_…, hl_one_… and hl_none_…
// with any secret of 16 characters or more. `POST /mock/<change>` changes the mock: see web/README.md.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Connect, Plugin } from 'vite';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ActivityEntry, ClientMessage, Frame, MessageFate, Notice, Outcome, Remedy, StoreState } from '../src/api';
import { attempt } from './attempts.ts';
import { Endpoints, crowd, furnish, why } from './endpoints.ts';
import { causedBy, eventsOf, makeEvent, page, typeDetail, types } from './events.ts';
import { type Principal, type Store, me, world } from './world.ts';

const YEAR = 365 * 24 * 3_600_000;

/** Messages of the API's actions; world.test.ts holds them against the server's. */
export const MESSAGES: Record<Remedy, string> = {
  try_now: 'It is tried now. The result shows within seconds.',
  redrive: '1 dead letter went back to the queue.',
  dismiss: 'Dismissed. Its dead letter is removed.',
};

interface Watcher {
  socket: WebSocket;
  principal: Principal;
  store: string | null;
  list: boolean;
}

class Mock {
  readonly stores = world();
  readonly tickets = new Map<string, Principal>();
  readonly watchers = new Set<Watcher>();
  readonly principals = new Map<string, Principal>([
    ['admin', { id: 'tok_admin', role: 'admin', stores: ['*'], expires: Date.now() + YEAR }],
    ['viewer', { id: 'tok_viewer', role: 'viewer', stores: ['*'], expires: Date.now() + YEAR }],
    ['none', { id: 'tok_none', role: 'viewer', stores: [], expires: Date.now() + YEAR }],
    ['one', { id: 'tok_one', role: 'admin', stores: ['demo.myshopify.com'], expires: Date.now() + YEAR }],
  ]);
  /** Endpoints by the store that has them; `*` has those of all stores. */
  readonly endpoints = new Map<string, Endpoints>();
  refusesSockets = false;
  down = false;
  swallow = 0;

  principalOf(request: IncomingMessage): Principal | null {
    // App Bridge's tokens are valid for a minute.
    const [, shop] = /^Bearer session\.(.+)$/.exec(request.headers.authorization ?? '') ?? [];
    if (shop !== undefined)
      return { id: `shopify:${shop}:1`, role: 'viewer', stores: [shop], expires: Date.now() + 60_000 };
    const [, id] = /^Bearer hl_([a-z]+)_/.exec(request.headers.authorization ?? '') ?? [];
    return (id !== undefined && this.principals.get(id)) || null;
  }

  endpointsOf(store: Store | null): Endpoints {
    const name = store?.name ?? '*';
    const known = this.endpoints.get(name);
    if (known) return known;
    const demo = this.stores.get('demo.myshopify.com') as Store;
    const endpoints = new Endpoints(store, () => demo);
    this.endpoints.set(name, endpoints);
    if (store === demo) furnish(endpoints, store);
    if (name === 'atelier-nord.myshopify.com') crowd(endpoints, 1_000);
    if (store === null) endpoints.add({ url: 'https://warehouse.example.com/all', types: ['*'] });
    return endpoints;
  }

  /** Answers a request about endpoints. `path` is what follows `endpoints`. */
  answerForEndpoints(
    store: Store | null,
    principal: Principal,
    request: IncomingMessage,
    url: URL,
    path: string[],
    body: Record<string, unknown>,
  ): [number, unknown] {
    const { method = 'GET', headers } = request;
    const ifMatch = headers['if-match'];
    const isAdmin = principal.role === 'admin';
    return this.endpointsOf(store).answer({ method, path, query: url.searchParams, body, ifMatch, isAdmin });
  }

  sees(principal: Principal, store: string): boolean {
    return principal.stores.includes('*') || principal.stores.includes(store);
  }

  send(watcher: Watcher, frame: Frame): void {
    watcher.socket.send(JSON.stringify(frame));
  }

  broadcast(store: Store, entries: ActivityEntry[], notices: Notice[]): void {
    for (const watcher of this.watchers) {
      if (watcher.store === store.name && this.swallow === 0) {
        const { seq, status } = store;
        this.send(watcher, {
          type: 'update',
          store: store.name,
          after: seq - 1,
          seq,
          status,
          lag: store.lag(),
          deliveries: entries,
          notices,
        });
      }
      if (watcher.list && this.sees(watcher.principal, store.name))
        this.send(watcher, { type: 'stores', stores: [store.summary()] });
    }
    if (this.swallow > 0) this.swallow -= 1;
  }

  connect(socket: WebSocket, principal: Principal): void {
    const watcher: Watcher = { socket, principal, store: null, list: false };
    this.watchers.add(watcher);
    socket.on('close', () => this.watchers.delete(watcher));
    socket.on('message', (data) => this.handle(watcher, JSON.parse(String(data)) as ClientMessage));
  }

  handle(watcher: Watcher, message: ClientMessage): void {
    const { principal } = watcher;
    if (message.action === 'ping') {
      const store = watcher.store === null ? undefined : this.stores.get(watcher.store);
      return this.send(watcher, { type: 'pong', seqs: store ? { [store.name]: store.seq } : {} });
    }
    const name = message.store ?? null;
    const store = name === null ? null : this.stores.get(name);
    if (store === undefined || (store && !this.sees(principal, store.name))) {
      return this.send(watcher, { type: 'refused', message: 'nothing is known of this store' });
    }
    watcher.store = store?.name ?? null;
    watcher.list = message.list;
    this.send(watcher, {
      type: 'access',
      role: principal.role,
      stores: principal.stores,
      expires_at: new Date(principal.expires).toISOString(),
    });
    if (store) {
      this.send(watcher, {
        type: 'snapshot',
        store: store.name,
        seq: store.seq,
        status: store.status,
        lag: store.lag(),
        deliveries: store.latest(40),
      });
    }
  }

  answer(request: IncomingMessage, url: URL, body: Record<string, unknown>): [number, unknown] {
    const principal = this.principalOf(request);
    if (!principal) return [403, { message: 'Forbidden' }];
    const path = url.pathname.split('/').slice(2).map(decodeURIComponent);
    if (path[0] === 'me') return [200, me(principal, request.headers.host ?? '')];
    if (path[0] === 'live') {
      const ticket = Math.random().toString(36).slice(2);
      this.tickets.set(ticket, principal);
      return [200, { ticket, expires_in: 30 }];
    }
    if (path[0] === 'event-types') return [200, path[1] === undefined ? types() : typeDetail(path[1])];
    if (path[0] === 'endpoints') {
      if (principal.role !== 'admin' || !principal.stores.includes('*'))
        return [404, { error: 'there is no such thing here' }];
      return this.answerForEndpoints(null, principal, request, url, path.slice(1), body);
    }
    if (path.length === 1) return [200, this.list(principal, url.searchParams)];
    const store = this.stores.get(path[1] ?? '');
    if (!store || !this.sees(principal, store.name))
      return [404, { error: 'nothing is known of this store: no verified event of it has come yet' }];
    if (request.method !== 'GET' && principal.role !== 'admin') return [403, { error: 'this needs an admin’s token' }];
    if (path[2] === 'endpoints') return this.answerForEndpoints(store, principal, request, url, path.slice(3), body);
    return this.answerForStore(store, principal, path, url.searchParams, body);
  }

  answerForStore(
    store: Store,
    principal: Principal,
    path: string[],
    query: URLSearchParams,
    body: Record<string, unknown>,
  ): [number, unknown] {
    switch (path[2]) {
      case 'status':
        return [200, store.full(principal.stores.includes('*'))];
      case 'deliveries': {
        if (path[3] !== undefined) {
          const detail = store.delivery(query.get('topic') ?? '', path[3]);
          return detail
            ? [200, { ...detail, events: causedBy(store, path[3]) }]
            : [404, { error: 'nothing is known of this delivery' }];
        }
        const before = Number(query.get('before') ?? Infinity);
        const kept = store.kept.filter((one) => one.seq < before).slice(0, 20);
        const last = kept.at(-1)?.seq;
        return [
          200,
          { deliveries: kept.flatMap((one) => one.entries), next: last !== undefined && last > 2 ? last : null },
        ];
      }
      case 'events': {
        if (path[3] === undefined) return [200, page(store, query)];
        const event = eventsOf(store).find((one) => one.id === path[3]);
        if (!event) return [404, { error: 'there is no such event in this store' }];
        if (path[4] === 'why') return [200, why(event, [this.endpointsOf(store), this.endpointsOf(null)])];
        return [200, event];
      }
      case 'search': {
        const q = query.get('q') ?? '';
        const hit = (index: number) => ({
          score: 3 - index / 10,
          source: 'shopify',
          store: store.name,
          kind: 'product',
          id: String(7_900_000_000_000 + index),
          title: `Walnut board ${index + 1}`,
          description: 'Oiled walnut, 30 by 20 cm',
          vendor: 'Nord',
          product_type: 'Boards',
          price_min: '39.00',
          price_max: '49.00',
          currency: 'EUR',
          available: index % 2 === 0,
          updated_at: new Date(Date.now() - index * 7_000_000).toISOString(),
          highlights: {
            title: [`<em>Walnut</em> board ${index + 1}`],
            description: ['Oiled <em>walnut</em>, <b>30</b> by 20 cm'],
          },
        });
        return [
          200,
          {
            query: q,
            total: q === 'nothing' ? 0 : 4,
            took_ms: 7,
            truncated: q.split(/\s+/).length > 5,
            results: q === 'nothing' ? [] : [0, 1, 2, 3].map(hit),
          },
        ];
      }
      case 'replay': {
        const received = store.receive('applied', String(body['topic']), true);
        setTimeout(() => this.broadcast(store, received.entries, received.notices), 300);
        return [202, { replay_id: 'replay-1' }];
      }
      case 'redrive':
      case 'try-now':
      case 'dismiss': {
        const remedy: Remedy = path[2] === 'try-now' ? 'try_now' : path[2];
        const [first] = store.status.failed.deliveries.filter((one) => one.actions.includes(remedy));
        const id = String(body['id'] ?? first?.id);
        if (!store.remedy(remedy, id)) return [409, { error: 'there is no such failed delivery any more' }];
        setTimeout(() => this.broadcast(store, [], []), 300);
        const message = MESSAGES[remedy];
        return remedy === 'try_now'
          ? [202, { message }]
          : [200, { moved: 1, left: 0, more: false, retrying: 1, message }];
      }
      case 'resync':
      case 'reconcile':
        if (!store.status.connected)
          return [409, { error: 'no token is held for this store: `hookline store add` it first' }];
        if (store.status.run && store.status.run.stage !== 'done')
          return [409, { error: 'a run through this store is going already' }];
        this.run(store, path[2] === 'resync' ? 'resync' : 'reconcile');
        return [202, {}];
      default:
        return [404, { error: 'there is no such thing here' }];
    }
  }

  run(store: Store, task: 'resync' | 'reconcile'): void {
    const began_at = new Date().toISOString();
    let part = 0;
    const go = () => {
      part += 1;
      const stage = part < 3 ? 'waiting' : part < 12 ? 'reading' : part < 13 ? 'deleting' : 'done';
      const bytes: [number, number] | null = stage === 'waiting' ? null : [Math.min(part - 2, 9) * 200_000, 1_800_000];
      store.status.run = {
        task,
        stage,
        began_at,
        at: new Date().toISOString(),
        products: Math.max(part - 2, 0) * 150,
        skipped: 0,
        bytes,
      };
      store.keep([]);
      const at = new Date().toISOString();
      const ended: Notice[] =
        stage === 'done'
          ? [
              {
                id: `${store.name}/${store.seq}/run_ended`,
                at,
                kind: 'run_ended',
                message: 'The resync has ended: 1,650 products',
              },
            ]
          : [];
      this.broadcast(store, [], ended);
      if (stage !== 'done') setTimeout(go, 600);
    };
    go();
  }

  list(principal: Principal, query: URLSearchParams): unknown {
    const all = [...this.stores.values()]
      .filter((store) => this.sees(principal, store.name))
      .map((store) => store.summary());
    const counts: Record<StoreState, number> = { live: 0, idle: 0, attention: 0 };
    for (const summary of all) counts[summary.state] += 1;
    const after = query.get('after') ?? '';
    const fits = all
      .filter(
        (summary) =>
          summary.store.includes(query.get('q') ?? '') && summary.state === (query.get('state') ?? summary.state),
      )
      .sort((a, b) => (a.store < b.store ? -1 : 1))
      .filter((summary) => summary.store > after);
    const limit = Number(query.get('limit') ?? 50);
    const stores = fits.slice(0, limit);
    return { stores, next: fits.length > limit ? (stores.at(-1)?.store ?? null) : null, counts };
  }

  /** Handles `POST /mock/<change>`. */
  change(what: string, query: URLSearchParams): string {
    const store = this.stores.get(query.get('store') ?? 'demo.myshopify.com');
    const principal = this.principals.get(query.get('who') ?? 'admin');
    switch (what) {
      case 'event':
        if (store) {
          const received = store.receive(
            (query.get('outcome') ?? 'applied') as Outcome,
            query.get('topic') ?? undefined,
          );
          this.broadcast(store, received.entries, received.notices);
        }
        break;
      case 'reset':
        this.endpoints.clear();
        break;
      case 'message':
        if (store) {
          // A message of the store's first endpoint.
          const endpoints = this.endpointsOf(store);
          const [kept] = endpoints.kept.values();
          const fate = (query.get('fate') ?? 'sent') as MessageFate;
          const event = makeEvent(store, query.get('type') ?? 'product.updated');
          if (kept) endpoints.message(kept, event, fate, [attempt(0, fate === 'sent' ? null : 'failed')]);
        }
        break;
      case 'endpoint':
        if (store) {
          // Somebody else changes the store's first endpoint.
          const [kept] = this.endpointsOf(store).kept.values();
          if (kept) {
            kept.endpoint.revision += 1;
            kept.endpoint.settings.description = query.get('description') ?? 'Changed by somebody else';
          }
        }
        break;
      case 'swallow':
        this.swallow = Number(query.get('count') ?? 1);
        break;
      case 'cut':
        for (const watcher of this.watchers) watcher.socket.terminate();
        break;
      case 'refuse':
        this.refusesSockets = query.get('on') !== 'false';
        for (const watcher of this.watchers) watcher.socket.terminate();
        break;
      case 'down':
        this.down = query.get('on') !== 'false';
        for (const watcher of this.watchers) watcher.socket.terminate();
        break;
      case 'role':
        if (principal) {
          principal.role = query.get('role') === 'viewer' ? 'viewer' : 'admin';
          if (query.has('stores')) principal.stores = (query.get('stores') ?? '').split(',');
          const { role, stores } = principal;
          for (const watcher of this.watchers) {
            if (watcher.principal === principal)
              this.send(watcher, {
                type: 'access',
                role,
                stores,
                expires_at: new Date(principal.expires).toISOString(),
              });
          }
        }
        break;
      case 'revoke':
        this.principals.delete(query.get('who') ?? 'admin');
        for (const watcher of this.watchers) {
          if (watcher.principal === principal) {
            this.send(watcher, { type: 'revoked' });
            watcher.socket.close();
          }
        }
        break;
      default:
        return 'unknown\n';
    }
    return `ok, ${this.watchers.size} watching\n`;
  }
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

/** Plugin of the development and the preview server. */
export function mock(): Plugin {
  const attach = (server: { middlewares: Connect.Server; httpServer: unknown }) => {
    // In tests there is no HTTP server.
    if (server.httpServer === null) return;
    const mocked = new Mock();
    const sockets = new WebSocketServer({ noServer: true });
    const http = server.httpServer as import('node:http').Server;
    http.on('upgrade', (request, socket, head) => {
      const url = new URL(request.url ?? '', 'http://mock');
      if (url.pathname !== '/live') return;
      const ticket = url.searchParams.get('ticket') ?? '';
      const principal = mocked.tickets.get(ticket);
      mocked.tickets.delete(ticket);
      if (!principal || mocked.refusesSockets || mocked.down) socket.destroy();
      else sockets.handleUpgrade(request, socket, head, (opened) => mocked.connect(opened, principal));
    });
    server.middlewares.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
      const url = new URL(request.url ?? '', 'http://mock');
      if (url.pathname.startsWith('/mock/')) {
        response.end(mocked.change(url.pathname.slice('/mock/'.length), url.searchParams));
      } else if (url.pathname.startsWith('/api/')) {
        if (mocked.down) return request.socket.destroy();
        void bodyOf(request).then((body) => {
          const [status, answer] = mocked.answer(request, url, body);
          response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
          response.end(JSON.stringify(answer));
        });
      } else {
        next();
      }
      return undefined;
    });
  };
  return { name: 'hookline-mock', apply: 'serve', configureServer: attach, configurePreviewServer: attach };
}
