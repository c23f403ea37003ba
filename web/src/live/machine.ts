// When the socket is opened, tested, renewed and given up: a pure machine. It is told events, and says what to do.
//
//   off ──start──▶ opening ──opened──▶ open ──closed, no answer──▶ waiting ──due──▶ opening …
//                                        └─ due to be renewed: another is opened beside it, and takes over
//
// A try that fails is followed by another after a random part of a time that doubles ("full jitter",
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). After TRIES of them the link counts as
// disconnected: the page polls, and the tries go on.

/** A connection through which nothing goes for 10 minutes is closed, and any after 2 hours
 * (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html). */
export const PING_EVERY = 4 * 60_000;
export const RENEW_AFTER = 110 * 60_000;
/** By up to so much earlier, so that all pages of a deploy do not come back at once. */
export const RENEW_JITTER = 10 * 60_000;
/** An answer that has not come by then does not. */
export const ANSWER_WITHIN = 10_000;
/** A socket that has not opened by then does not. */
export const OPEN_WITHIN = 10_000;
export const BACKOFF_FIRST = 500;
export const BACKOFF_LAST = 30_000;
/** After so many failed tries in a row the link counts as disconnected. */
export const TRIES = 5;
/** A principal that expires is renewed so long before. */
const BEFORE_EXPIRY = 15_000;
/** And not sooner than this, though it has less left. */
const RENEW_AT_LEAST = 5_000;

/** What the page shows. */
export type Link = 'connecting' | 'live' | 'reconnecting' | 'disconnected';

interface Socket {
  id: number;
  /** When it was asked for. */
  since: number;
  opened: boolean;
}

export interface Machine {
  on: boolean;
  /** The socket in use, or being opened. */
  current: Socket | null;
  /** One being opened to take its place. */
  next: Socket | null;
  /** When to try again, while there is none. */
  retryAt: number | null;
  /** Tries that failed since it was last open. */
  failed: number;
  wasLive: boolean;
  pingAt: number;
  /** By when something must have been heard. */
  answerBy: number | null;
  renewAt: number;
  /** Until when the principal of the socket is let in, if it can be renewed. */
  expiresAt: number | null;
  lastId: number;
}

export type Event =
  | { type: 'start' }
  | { type: 'stop' }
  | { type: 'opened'; id: number }
  | { type: 'closed'; id: number }
  /** Anything was heard on it. */
  | { type: 'heard'; id: number }
  /** It was asked something that is answered. */
  | { type: 'asked' }
  /** The server can be reached after all, or the person wants it now. */
  | { type: 'hurry' }
  /** The network came or went, or the page was looked at again: is the socket still there? */
  | { type: 'doubt' }
  | { type: 'expires'; at: number | null }
  | { type: 'tick' };

export type Effect =
  | { type: 'open'; id: number }
  | { type: 'close'; id: number }
  | { type: 'ping' }
  /** Ask for a snapshot: on a socket that has just opened. */
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

/** The longest wait after so many failures in a row, in milliseconds. */
export function backoffLimit(failed: number): number {
  return Math.min(BACKOFF_LAST, BACKOFF_FIRST * 2 ** Math.min(Math.max(failed - 1, 0), 20));
}

export function linkOf(machine: Machine): Link {
  if (!machine.on) return 'disconnected';
  if (machine.current?.opened) return 'live';
  if (machine.failed > TRIES) return 'disconnected';
  return machine.wasLive || machine.failed > 0 ? 'reconnecting' : 'connecting';
}

/** When the machine wants its next tick; null for never. */
export function dueAt(machine: Machine): number | null {
  const at = [machine.retryAt, machine.answerBy];
  for (const socket of [machine.current, machine.next]) {
    if (socket && !socket.opened) at.push(socket.since + OPEN_WITHIN);
  }
  if (machine.current?.opened) at.push(machine.pingAt, machine.next ? null : machine.renewAt);
  const due = Math.min(...at.filter((time) => time !== null));
  return Number.isFinite(due) ? due : null;
}

/** What `event` at `now` (milliseconds) makes of the machine. `random` is from 0 to 1. */
export function step(machine: Machine, event: Event, now: number, random: () => number): Step {
  if (!machine.on && event.type !== 'start') return { machine, effects: [] };
  switch (event.type) {
    case 'start':
      return machine.on ? { machine, effects: [] } : open({ ...OFF, on: true, lastId: machine.lastId }, now);
    case 'stop':
      return { machine: { ...OFF, lastId: machine.lastId }, effects: closing(machine.current, machine.next) };
    case 'opened':
      return opened(machine, event.id, now, random);
    case 'closed':
      return closed(machine, event.id, now, random);
    case 'heard':
      return heard(machine, event.id, now, random);
    case 'asked':
      return { machine: { ...machine, answerBy: machine.answerBy ?? now + ANSWER_WITHIN }, effects: [] };
    case 'hurry':
      return machine.retryAt === null ? { machine, effects: [] } : open({ ...machine, retryAt: null }, now);
    case 'doubt':
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
    // The one before goes when this one has said something: until then nothing is lost.
    return { machine: { ...machine, next: { ...machine.next, opened: true } }, effects: [{ type: 'watch', id }] };
  }
  if (machine.current?.id !== id) return { machine, effects: [{ type: 'close', id }] };
  const current = { ...machine.current, opened: true };
  return { machine: inUse({ ...machine, current }, now, random), effects: [{ type: 'watch', id }] };
}

/** The present socket is open: its times begin. */
function inUse(machine: Machine, now: number, random: () => number): Machine {
  return renewBy(
    {
      ...machine,
      failed: 0,
      wasLive: true,
      pingAt: now + PING_EVERY,
      answerBy: now + ANSWER_WITHIN,
      renewAt: now + RENEW_AFTER - random() * RENEW_JITTER,
    },
    now,
  );
}

function renewBy(machine: Machine, now: number): Machine {
  if (machine.expiresAt === null) return machine;
  const renewAt = Math.max(now + RENEW_AT_LEAST, machine.expiresAt - BEFORE_EXPIRY);
  return { ...machine, renewAt: Math.min(machine.renewAt, renewAt) };
}

function heard(machine: Machine, id: number, now: number, random: () => number): Step {
  if (machine.next?.id === id) {
    const next: Machine = { ...machine, current: machine.next, next: null, expiresAt: null };
    return { machine: { ...inUse(next, now, random), answerBy: null }, effects: closing(machine.current) };
  }
  if (machine.current?.id !== id) return { machine, effects: [] };
  return { machine: { ...machine, answerBy: null }, effects: [] };
}

function closed(machine: Machine, id: number, now: number, random: () => number): Step {
  if (machine.next?.id === id) {
    // The present one still works. Try again later.
    const renewAt = now + BACKOFF_LAST * (0.5 + random() / 2);
    return { machine: { ...machine, next: null, renewAt }, effects: [] };
  }
  if (machine.current?.id !== id) return { machine, effects: [] };
  if (machine.next) {
    const taken: Machine = { ...machine, current: machine.next, next: null };
    return { machine: machine.next.opened ? inUse(taken, now, random) : { ...taken, answerBy: null }, effects: [] };
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
    machine: { ...machine, pingAt: now + PING_EVERY, answerBy: machine.answerBy ?? now + ANSWER_WITHIN },
    effects: [{ type: 'ping' }],
  };
}

function tick(machine: Machine, now: number, random: () => number): Step {
  if (machine.retryAt !== null) {
    return machine.retryAt <= now ? open(machine, now) : { machine, effects: [] };
  }
  const { current, next } = machine;
  const late = (socket: Socket | null) => socket !== null && !socket.opened && socket.since + OPEN_WITHIN <= now;
  const silent = current?.opened === true && machine.answerBy !== null && machine.answerBy <= now;
  if (current && (late(current) || silent)) {
    const after = closed(machine, current.id, now, random);
    return { machine: after.machine, effects: [...closing(current), ...after.effects] };
  }
  if (next && (late(next) || (next.opened && next.since + OPEN_WITHIN + ANSWER_WITHIN <= now))) {
    const after = closed(machine, next.id, now, random);
    return { machine: after.machine, effects: closing(next) };
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

function closing(...sockets: (Socket | null)[]): Effect[] {
  return sockets.filter((socket) => socket !== null).map((socket) => ({ type: 'close', id: socket.id }));
}
