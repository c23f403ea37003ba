// Life of the WebSocket: when it is opened, tested, renewed and given up. A pure state machine, which takes events and returns
// effects.
//
//   off ──start──▶ opening ──opened──▶ open ──closed or silent──▶ waiting ──retryAt──▶ opening …
//                                        └─ renewAt: another socket is opened in parallel, and takes over
//
// A failed try is followed by another after a random part of a time that doubles ("full jitter",
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). After MAX_TRIES of them the link counts as
// disconnected: the page polls, and the tries go on.

/** API Gateway closes a connection that is idle for 10 minutes, and any connection after 2 hours
 * (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html). */
export const PING_EVERY_MS = 4 * 60_000;
export const RENEW_AFTER_MS = 110 * 60_000;
/** Longest random time by which a renewal comes earlier, so that pages opened together do not all renew at once. */
export const RENEW_JITTER_MS = 10 * 60_000;
/** Time within which the server answers a ping or a watch. */
export const ANSWER_WITHIN_MS = 10_000;
/** Time within which a socket opens. */
export const OPEN_WITHIN_MS = 10_000;
export const FIRST_BACKOFF_MS = 500;
export const MAX_BACKOFF_MS = 30_000;
/** Failed tries in a row after which the link counts as disconnected. */
export const MAX_TRIES = 5;
/** Time before the principal expires at which the socket is renewed. */
const RENEW_BEFORE_EXPIRY_MS = 15_000;
/** Shortest time until a renewal, even if the principal expires sooner. */
const MIN_RENEW_DELAY_MS = 5_000;

/** State of the connection, as the page shows it. */
export type Link = 'connecting' | 'live' | 'reconnecting' | 'disconnected';

interface Socket {
  id: number;
  /** Time at which it was requested. */
  since: number;
  opened: boolean;
}

export interface Machine {
  on: boolean;
  /** Socket in use, or being opened. */
  current: Socket | null;
  /** Socket being opened to take over. */
  next: Socket | null;
  /** Time of the next try, while there is no socket. */
  retryAt: number | null;
  /** Failed tries since a socket was last open. */
  failed: number;
  wasLive: boolean;
  pingAt: number;
  /** Time by which a message must have arrived. */
  answerBy: number | null;
  renewAt: number;
  /** Time at which the principal of the socket expires, if it can be renewed. */
  expiresAt: number | null;
  lastId: number;
}

export type Event =
  | { type: 'start' }
  | { type: 'stop' }
  | { type: 'opened'; id: number }
  | { type: 'closed'; id: number }
  /** A message has arrived. */
  | { type: 'received'; id: number }
  /** A request was sent that the server answers. */
  | { type: 'requested' }
  /** The server answers again, or a person wants to connect now. */
  | { type: 'retry' }
  /** The network or the visibility of the page has changed: the socket may be dead. */
  | { type: 'verify' }
  | { type: 'expires'; at: number | null }
  | { type: 'tick' };

export type Effect =
  | { type: 'open'; id: number }
  | { type: 'close'; id: number }
  | { type: 'ping' }
  /** Request a snapshot on a socket that has just opened. */
  | { type: 'watch'; id: number };

export interface Step {
  machine: Machine;
  effects: Effect[];
}

export const OFF: Machine = {
  on: false,
  current: null,
  next: null,
  retryAt: null,
  failed: 0,
  wasLive: false,
  pingAt: Infinity,
  answerBy: null,
  renewAt: Infinity,
  expiresAt: null,
  lastId: 0,
};

/** Longest wait after a number of failed tries in a row, in milliseconds. */
export function backoffLimit(failed: number): number {
  return Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(Math.max(failed - 1, 0), 20));
}

export function linkOf(machine: Machine): Link {
  if (!machine.on) return 'disconnected';
  if (machine.current?.opened) return 'live';
  if (machine.failed > MAX_TRIES) return 'disconnected';
  return machine.wasLive || machine.failed > 0 ? 'reconnecting' : 'connecting';
}

/** Time of the next tick; null for never. */
export function dueAt(machine: Machine): number | null {
  const at = [machine.retryAt, machine.answerBy];
  for (const socket of [machine.current, machine.next]) {
    if (socket && !socket.opened) at.push(socket.since + OPEN_WITHIN_MS);
  }
  if (machine.current?.opened) at.push(machine.pingAt, machine.next ? null : machine.renewAt);
  const due = Math.min(...at.filter((time) => time !== null));
  return Number.isFinite(due) ? due : null;
}

/** Applies an event at `now` (milliseconds). `random` returns a number from 0 to 1. */
export function step(machine: Machine, event: Event, now: number, random: () => number): Step {
  if (!machine.on && event.type !== 'start') return { machine, effects: [] };
  switch (event.type) {
    case 'start':
      return machine.on ? { machine, effects: [] } : open({ ...OFF, on: true, lastId: machine.lastId }, now);
    case 'stop':
      return { machine: { ...OFF, lastId: machine.lastId }, effects: closeAll(machine.current, machine.next) };
    case 'opened':
      return opened(machine, event.id, now, random);
    case 'closed':
      return closed(machine, event.id, now, random);
    case 'received':
      return received(machine, event.id, now, random);
    case 'requested':
      return { machine: { ...machine, answerBy: machine.answerBy ?? now + ANSWER_WITHIN_MS }, effects: [] };
    case 'retry':
      return machine.retryAt === null ? { machine, effects: [] } : open({ ...machine, retryAt: null }, now);
    case 'verify':
      if (machine.retryAt !== null) return open({ ...machine, retryAt: null }, now);
      return machine.current?.opened ? ping(machine, now) : { machine, effects: [] };
    case 'expires':
      return { machine: renewBy({ ...machine, expiresAt: event.at }, now), effects: [] };
    case 'tick':
      return tick(machine, now, random);
  }
}

function open(machine: Machine, now: number): Step {
  const id = machine.lastId + 1;
  return {
    machine: { ...machine, lastId: id, retryAt: null, answerBy: null, current: { id, since: now, opened: false } },
    effects: [{ type: 'open', id }],
  };
}

function opened(machine: Machine, id: number, now: number, random: () => number): Step {
  if (machine.next?.id === id) {
    // The previous socket is closed once the new one has received a message: until then nothing is lost.
    return { machine: { ...machine, next: { ...machine.next, opened: true } }, effects: [{ type: 'watch', id }] };
  }
  if (machine.current?.id !== id) return { machine, effects: [{ type: 'close', id }] };
  const current = { ...machine.current, opened: true };
  return { machine: withTimes({ ...machine, current }, now, random), effects: [{ type: 'watch', id }] };
}

/** Starts the times of the current socket, which is open. */
function withTimes(machine: Machine, now: number, random: () => number): Machine {
  return renewBy(
    {
      ...machine,
      failed: 0,
      wasLive: true,
      pingAt: now + PING_EVERY_MS,
      answerBy: now + ANSWER_WITHIN_MS,
      renewAt: now + RENEW_AFTER_MS - random() * RENEW_JITTER_MS,
    },
    now,
  );
}

function renewBy(machine: Machine, now: number): Machine {
  if (machine.expiresAt === null) return machine;
  const renewAt = Math.max(now + MIN_RENEW_DELAY_MS, machine.expiresAt - RENEW_BEFORE_EXPIRY_MS);
  return { ...machine, renewAt: Math.min(machine.renewAt, renewAt) };
}

function received(machine: Machine, id: number, now: number, random: () => number): Step {
  if (machine.next?.id === id) {
    const next: Machine = { ...machine, current: machine.next, next: null, expiresAt: null };
    return { machine: { ...withTimes(next, now, random), answerBy: null }, effects: closeAll(machine.current) };
  }
  if (machine.current?.id !== id) return { machine, effects: [] };
  return { machine: { ...machine, answerBy: null }, effects: [] };
}

function closed(machine: Machine, id: number, now: number, random: () => number): Step {
  if (machine.next?.id === id) {
    // The current socket still works: renew it later.
    const renewAt = now + MAX_BACKOFF_MS * (0.5 + random() / 2);
    return { machine: { ...machine, next: null, renewAt }, effects: [] };
  }
  if (machine.current?.id !== id) return { machine, effects: [] };
  if (machine.next) {
    const promoted: Machine = { ...machine, current: machine.next, next: null };
    return {
      machine: machine.next.opened ? withTimes(promoted, now, random) : { ...promoted, answerBy: null },
      effects: [],
    };
  }
  const failed = machine.failed + 1;
  const retryAt = now + random() * backoffLimit(failed);
  return {
    machine: { ...machine, current: null, failed, retryAt, answerBy: null, expiresAt: null, renewAt: Infinity },
    effects: [],
  };
}

function ping(machine: Machine, now: number): Step {
  return {
    machine: { ...machine, pingAt: now + PING_EVERY_MS, answerBy: machine.answerBy ?? now + ANSWER_WITHIN_MS },
    effects: [{ type: 'ping' }],
  };
}

function tick(machine: Machine, now: number, random: () => number): Step {
  if (machine.retryAt !== null) {
    return machine.retryAt <= now ? open(machine, now) : { machine, effects: [] };
  }
  const { current, next } = machine;
  const late = (socket: Socket | null) => socket !== null && !socket.opened && socket.since + OPEN_WITHIN_MS <= now;
  const silent = current?.opened === true && machine.answerBy !== null && machine.answerBy <= now;
  if (current && (late(current) || silent)) {
    const after = closed(machine, current.id, now, random);
    return { machine: after.machine, effects: [...closeAll(current), ...after.effects] };
  }
  if (next && (late(next) || (next.opened && next.since + OPEN_WITHIN_MS + ANSWER_WITHIN_MS <= now))) {
    const after = closed(machine, next.id, now, random);
    return { machine: after.machine, effects: closeAll(next) };
  }
  if (!current?.opened) return { machine, effects: [] };
  if (machine.pingAt <= now) return ping(machine, now);
  if (machine.renewAt <= now && next === null) {
    const id = machine.lastId + 1;
    return {
      machine: { ...machine, lastId: id, next: { id, since: now, opened: false } },
      effects: [{ type: 'open', id }],
    };
  }
  return { machine, effects: [] };
}

function closeAll(...sockets: (Socket | null)[]): Effect[] {
  return sockets.filter((socket) => socket !== null).map((socket) => ({ type: 'close', id: socket.id }));
}
