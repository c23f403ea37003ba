/** Handler of webhooks: from a request to callbacks and an answer. */

import { type Body, type NodeRequest, MAX_BODY_BYTES, readFetch, readNode } from './body.ts';
import { EVENT_TYPES, type Event, type EventType, VERSION } from './events.ts';
import type { Seen } from './seen.ts';
import { type ReadHeader, type Refusal, verifier } from './verify.ts';

/** Second argument of a callback, beside the event. */
export interface Context {
  /** The header `webhook-id`: the event's id, and the key under which `seen` remembers it. */
  readonly id: string;
  /** Aborted when the time limit is over: the answer is 500 then, and the event is sent again. */
  readonly signal: AbortSignal;
}

/** Code that an event is passed to. What it returns is ignored, except that a promise is awaited. */
export type Callback<T extends EventType = EventType> = (event: Event<T>, context: Context) => unknown;

/** An event that was acknowledged without a callback. */
export interface Skipped {
  readonly id: string;
  readonly type: string;
  /** No callback for its type, a later version of the schema than this package reads, or `seen` before. */
  readonly reason: 'type' | 'version' | 'seen';
}

/** A request that was not answered with success, or a success with a flaw (`status` 204). */
export interface Failure {
  readonly status: number;
  /** First check that failed, or what failed while the event was handled. */
  readonly reason: Refusal | 'size' | 'consumed' | 'read' | 'body' | 'callback' | 'timeout' | 'seen' | 'answered';
  /** Sentence for the log, without secrets and contents. */
  readonly message: string;
  readonly id?: string;
  readonly type?: string;
  /** Error thrown by a callback, by `seen`, or while the body was read. */
  readonly error?: unknown;
}

/** Settings of a handler. */
export interface HandlerOptions {
  /** Secret of the endpoint, `whsec_…`. */
  readonly secret?: string | undefined;
  /** Several of them, during a rotation or for several endpoints. */
  readonly secrets?: readonly string[] | undefined;
  /** Receives `inventory.updated`: a product's availability or a quantity changed. */
  readonly onInventoryChange?: Callback<'inventory.updated'>;
  /** Receives `checkout.completed`: an order came out of a chat session or a checkout. All orders: `on['order.created']`. */
  readonly onOrderComplete?: Callback<'checkout.completed'>;
  /** Receives `product.created`, `product.updated` and `product.deleted`. */
  readonly onProductChange?: Callback<'product.created' | 'product.updated' | 'product.deleted'>;
  /** Callbacks by type, called after those above. */
  readonly on?: { readonly [T in EventType]?: Callback<T> };
  /** Memory of handled ids; without one, an event that is sent twice is handled twice. */
  readonly seen?: Seen;
  /** Maximum difference between the time of a request and ours, in seconds; 300. */
  readonly tolerance?: number;
  /** Time limit of all callbacks of an event, in milliseconds; 2,000. */
  readonly timeout?: number;
  /** Receives every event that is acknowledged without a callback. */
  readonly onSkipped?: (skipped: Skipped) => unknown;
  /** Receives every failure; by default it is written to the console. */
  readonly onFailure?: (failure: Failure) => unknown;
  /** Clock, in milliseconds since 1970. */
  readonly now?: () => number;
}

/** The parts of a response of Node that are used here. */
export interface NodeResponse {
  statusCode: number;
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
  end(): unknown;
}

/** A Fetch handler, with adapters. */
export interface WebhookHandler {
  (request: Request): Promise<Response>;
  /** Handler for Express and `node:http`. */
  readonly node: (request: NodeRequest, response: NodeResponse) => Promise<void>;
  /** Handler for Hono. */
  readonly hono: (context: { readonly req: { readonly raw: Request } }) => Promise<Response>;
}

const DEFAULT_TOLERANCE_SECONDS = 300;
const DEFAULT_TIMEOUT_MS = 2000;
const CONSUMED =
  'other code has read the body before the handler could verify its bytes: put the handler before body parsers such as ' +
  "express.json(), or give its route express.raw({ type: '*/*' })";

/**
 * Returns a handler of webhooks. It answers
 *
 * - 204: handled, or skipped, because no callback wants it, it is of a later version, or `seen` knows it;
 * - 403: a wrong or absent signature, or a time beyond the tolerance;
 * - 400: signed, but not an event. 405: not POST. 413: over 1 MiB;
 * - 500: a callback or `seen` failed, or took longer than the time limit. Hookline sends the event again.
 *
 * With `seen`, an id is remembered once all its callbacks have succeeded, even after the time limit. A copy that arrives
 * while this process handles the first waits for its answer. Copies in two processes may both be handled.
 *
 * @throws TypeError if a setting cannot be right.
 */
export function createWebhookHandler(options: HandlerOptions): WebhookHandler {
  const { seen, onSkipped } = options;
  const { tolerance = DEFAULT_TOLERANCE_SECONDS, timeout = DEFAULT_TIMEOUT_MS, now = Date.now } = options;
  for (const [name, value] of Object.entries({ tolerance, timeout })) {
    if (!(value > 0 && value < 2 ** 31)) throw new TypeError(`hookline-webhooks: ${name} must be a positive number`);
  }
  const secrets = [options.secret, ...(options.secrets ?? [])].filter((secret) => secret !== undefined);
  if (!secrets.length) throw new TypeError('hookline-webhooks: secret is missing');
  const verify = verifier(secrets, tolerance);
  const callbacks = callbacksByType(options);
  const running = new Map<string, Promise<Answer>>();

  async function answer(method: string | undefined, header: ReadHeader, read: () => Promise<Body>): Promise<Answer> {
    if (method !== 'POST') return { status: 405, allow: 'POST' };
    let body: Body = 'size';
    try {
      if (!(Number(header('content-length')) > MAX_BODY_BYTES)) body = await read();
    } catch (error) {
      return failed({ status: 500, reason: 'read', message: 'the body could not be read', error });
    }
    if (body === 'size')
      return failed({ status: 413, reason: body, message: `the body is over ${MAX_BODY_BYTES} bytes` });
    if (body === 'consumed') return failed({ status: 500, reason: body, message: CONSUMED });
    const refusal = await verify(header, body, Math.floor(now() / 1000));
    if (refusal) return failed({ status: 403, reason: refusal, message: REFUSALS[refusal] });

    const event = parse(body);
    const id = header('webhook-id') as string;
    if (!event) return failed({ status: 400, reason: 'body', message: 'the body is signed, but not an event', id });
    const { type } = event;
    const wanted = callbacks.get(type);
    if (event.version > VERSION) return skipped({ id, type, reason: 'version' });
    if (!wanted) return skipped({ id, type, reason: 'type' });
    if (!seen) return handle(event, id, wanted);
    const first = running.get(id);
    if (first) {
      const same = await first;
      return same.status === 204 ? skipped({ id, type, reason: 'seen' }) : same;
    }
    const handled = handle(event, id, wanted).finally(() => running.delete(id));
    running.set(id, handled);
    return handled;
  }

  /** Calls the callbacks, one after the other, within the time limit. Never rejects. */
  async function handle(event: Event, id: string, wanted: readonly Callback[]): Promise<Answer> {
    const { type } = event;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, timeout, 'late');
    });
    let step = 'seen' as keyof typeof STEPS;
    const work = async (): Promise<'seen' | 'done'> => {
      if (await seen?.has(id)) return 'seen';
      step = 'callback';
      for (const callback of wanted) await callback(event, { id, signal: abort.signal });
      step = 'done';
      await seen?.add(id);
      return 'done';
    };
    const failure = (reason: Failure['reason'], message: string, error?: unknown): Answer =>
      // Once the callbacks have succeeded, sending the event again would only repeat them.
      failed({ status: step === 'done' ? 204 : 500, reason, message, id, type, error });
    try {
      // What fails after the time limit was reported by then.
      const outcome = await Promise.race([work(), late]);
      if (outcome === 'seen') return skipped({ id, type, reason: 'seen' });
      if (outcome === 'done') return { status: 204 };
      abort.abort(new DOMException(`the time limit of ${timeout} ms is over`, 'TimeoutError'));
      return failure('timeout', `${STEPS[step]} took longer than ${timeout} ms`);
    } catch (error) {
      return failure(step === 'callback' ? step : 'seen', `${STEPS[step]} failed`, error);
    } finally {
      clearTimeout(timer);
    }
  }

  function skipped(skip: Skipped): Answer {
    report(onSkipped, skip);
    return { status: 204 };
  }

  function failed(failure: Failure): Answer {
    report(options.onFailure ?? print, failure);
    return { status: failure.status };
  }

  async function fetchHandler(request: Request): Promise<Response> {
    const header: ReadHeader = (name) => request.headers.get(name);
    const { status, allow } = await answer(request.method, header, () => readFetch(request));
    return new Response(null, { status, headers: allow ? { allow } : {} });
  }

  async function node(request: NodeRequest, response: NodeResponse): Promise<void> {
    const header: ReadHeader = (name) => request.headers[name]?.toString();
    const { status, allow } = await answer(request.method, header, () => readNode(request));
    if (response.headersSent) {
      failed({
        status,
        reason: 'answered',
        message: 'other code has answered the request, so that this answer is lost',
      });
      return;
    }
    response.statusCode = status;
    if (allow) response.setHeader('allow', allow);
    response.end();
  }

  return Object.assign(fetchHandler, {
    node,
    hono: (context: { req: { raw: Request } }) => fetchHandler(context.req.raw),
  });
}

interface Answer {
  readonly status: number;
  readonly allow?: string;
}

const REFUSALS = {
  headers: 'the request is not signed: webhook-id, webhook-timestamp or webhook-signature is absent',
  timestamp: 'the time of the request is beyond the tolerance: compare the clock of this machine',
  signature: 'the signature is wrong: compare the secret with that of the endpoint',
};

const STEPS = { seen: 'seen.has', callback: 'a callback', done: 'seen.add' };

/** Callbacks of each type in the order in which they are called. */
function callbacksByType(options: HandlerOptions): Map<string, Callback[]> {
  const { onInventoryChange, onOrderComplete, onProductChange, on = {} } = options;
  const given: [string, unknown][] = [
    ['inventory.updated', onInventoryChange],
    ['checkout.completed', onOrderComplete],
    ...['product.created', 'product.updated', 'product.deleted'].map((type): [string, unknown] => [
      type,
      onProductChange,
    ]),
    ...Object.entries(on),
  ];
  const callbacks = new Map<string, Callback[]>();
  for (const [type, callback] of given) {
    if (callback === undefined) continue;
    if (!(EVENT_TYPES as readonly string[]).includes(type) && !/^custom\.[a-z0-9_.]{1,64}$/.test(type)) {
      throw new TypeError(
        `hookline-webhooks: "${type}" is no type of events, or one of a later release of this package`,
      );
    }
    if (typeof callback !== 'function')
      throw new TypeError(`hookline-webhooks: the callback of ${type} is no function`);
    callbacks.set(type, [...(callbacks.get(type) ?? []), callback as Callback]);
  }
  return callbacks;
}

/** Event in a body; undefined if it is none. Of a later version only id, type and version are known. */
function parse(body: Uint8Array): Event | undefined {
  try {
    const event = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
    const { id, type, version, timestamp, store, subject } = event;
    const isText = (...values: unknown[]): boolean => values.every((value) => typeof value === 'string');
    if (!isText(id, type) || !Number.isSafeInteger(version) || version < 1) return undefined;
    if (version > VERSION) return event;
    return isText(timestamp, store.source, store.id, subject.kind, subject.id) ? event : undefined;
  } catch {
    return undefined;
  }
}

/** Calls a hook. What it throws must not change the answer. */
function report<T>(hook: ((subject: T) => unknown) | undefined, subject: T): void {
  const call = async (): Promise<unknown> => hook?.(subject);
  call().catch((error) => print({ status: 0, reason: 'callback', message: 'onSkipped or onFailure failed', error }));
}

function print({ message, id, type, error }: Failure): void {
  const event = id ? ` (${type ?? 'event'} ${id})` : '';
  // oxlint-disable-next-line no-console
  console.error(`hookline-webhooks: ${message}${event}`, ...(error === undefined ? [] : [error]));
}
