import { describe, expect, it } from 'vitest';
import {
  ANSWER_WITHIN_MS,
  MAX_BACKOFF_MS,
  type Effect,
  type Event,
  type Machine,
  OFF,
  OPEN_WITHIN_MS,
  PING_EVERY_MS,
  RENEW_AFTER_MS,
  RENEW_JITTER_MS,
  MAX_TRIES,
  backoffLimit,
  dueAt,
  linkOf,
  step,
} from './machine';

/** A machine with its own clock, which records the effects. */
class Run {
  machine: Machine = OFF;
  now = 1_000_000;
  random = 0.5;
  effects: Effect[] = [];

  do(...events: Event[]): Effect[] {
    const caused: Effect[] = [];
    for (const event of events) {
      const { machine, effects } = step(this.machine, event, this.now, () => this.random);
      this.machine = machine;
      caused.push(...effects);
    }
    this.effects.push(...caused);
    return caused;
  }

  /** Advances the clock to the next tick. */
  due(): Effect[] {
    const due = dueAt(this.machine);
    if (due === null) throw new Error('nothing is due');
    this.now = Math.max(this.now, due);
    return this.do({ type: 'tick' });
  }

  get link() {
    return linkOf(this.machine);
  }

  get id(): number {
    return this.machine.lastId;
  }
}

function live(): Run {
  const run = new Run();
  run.do({ type: 'start' });
  run.do({ type: 'opened', id: run.id }, { type: 'received', id: run.id });
  return run;
}

describe('the link', () => {
  it('is live once a socket is open, and requests a snapshot at once', () => {
    const run = new Run();
    expect(run.link).toBe('disconnected');
    expect(run.do({ type: 'start' })).toEqual([{ type: 'open', id: 1 }]);
    expect(run.link).toBe('connecting');
    expect(run.do({ type: 'opened', id: 1 })).toEqual([{ type: 'watch', id: 1 }]);
    expect(run.link).toBe('live');
  });

  it('is reconnecting for some tries, then disconnected, and never gives up', () => {
    const run = live();
    run.do({ type: 'closed', id: run.id });
    for (let tries = 1; tries <= MAX_TRIES; tries++) {
      expect(run.link).toBe('reconnecting');
      expect(run.due()).toEqual([{ type: 'open', id: run.id }]);
      run.do({ type: 'closed', id: run.id });
    }
    expect(run.link).toBe('disconnected');
    for (let more = 0; more < 50; more++) {
      expect(run.due()).toEqual([{ type: 'open', id: run.id }]);
      run.do({ type: 'closed', id: run.id });
    }
    expect(run.link).toBe('disconnected');
    run.due();
    run.do({ type: 'opened', id: run.id });
    expect(run.link).toBe('live');
    expect(run.machine.failed).toBe(0);
  });

  it('waits a random part of a time that doubles up to a limit', () => {
    expect([1, 2, 3, 4, 7, 8, 99].map(backoffLimit)).toEqual([500, 1_000, 2_000, 4_000, 30_000, 30_000, 30_000]);
    const run = live();
    run.random = 0.25;
    run.do({ type: 'closed', id: run.id });
    expect(dueAt(run.machine)).toBe(run.now + 125);
    run.random = 1;
    for (let tries = 0; tries < 20; tries++) {
      run.due();
      run.do({ type: 'closed', id: run.id });
    }
    expect(dueAt(run.machine)).toBe(run.now + MAX_BACKOFF_MS);
  });

  it('gives up a socket that does not open', () => {
    const run = new Run();
    run.do({ type: 'start' });
    run.now += OPEN_WITHIN_MS;
    expect(run.do({ type: 'tick' })).toEqual([{ type: 'close', id: 1 }]);
    expect(run.link).toBe('reconnecting');
    // Later events of a dead socket have no effect.
    expect(run.do({ type: 'opened', id: 1 })).toEqual([{ type: 'close', id: 1 }]);
    expect(run.do({ type: 'closed', id: 1 })).toEqual([]);
    expect(run.machine.failed).toBe(1);
  });

  it('pings before the idle limit, and gives up a socket that does not answer', () => {
    const run = live();
    const from = run.now;
    expect(run.due()).toEqual([{ type: 'ping' }]);
    expect(run.now - from).toBe(PING_EVERY_MS);
    run.now += ANSWER_WITHIN_MS - 1;
    expect(run.do({ type: 'tick' })).toEqual([]);
    run.now += 1;
    const id = run.id;
    expect(run.do({ type: 'tick' })).toEqual([{ type: 'close', id }]);
    expect(run.link).toBe('reconnecting');
  });

  it('keeps a socket that receives anything after a ping', () => {
    const run = live();
    run.due();
    run.do({ type: 'received', id: run.id });
    run.now += ANSWER_WITHIN_MS;
    expect(run.do({ type: 'tick' })).toEqual([]);
    expect(run.link).toBe('live');
  });

  it('gives up a socket that does not answer a watch', () => {
    const run = new Run();
    run.do({ type: 'start' }, { type: 'opened', id: 1 });
    run.now += ANSWER_WITHIN_MS;
    expect(run.do({ type: 'tick' })).toEqual([{ type: 'close', id: 1 }]);
  });

  it('pings to verify a socket, and connects at once without one', () => {
    const run = live();
    expect(run.do({ type: 'verify' })).toEqual([{ type: 'ping' }]);
    run.do({ type: 'closed', id: run.id });
    expect(run.do({ type: 'verify' })).toEqual([{ type: 'open', id: run.id }]);
    run.do({ type: 'closed', id: run.id });
    expect(run.do({ type: 'retry' })).toEqual([{ type: 'open', id: run.id }]);
    expect(run.do({ type: 'retry' })).toEqual([]);
  });
});

describe('a planned renewal', () => {
  function renewing(): { run: Run; old: number } {
    const run = live();
    const old = run.id;
    const from = run.now;
    run.machine = { ...run.machine, pingAt: Infinity };
    expect(run.due()).toEqual([{ type: 'open', id: old + 1 }]);
    expect(run.now - from).toBe(RENEW_AFTER_MS - RENEW_JITTER_MS / 2);
    return { run, old };
  }

  it('leaves no gap: the old socket is closed once the new one has received a message', () => {
    const { run, old } = renewing();
    expect(run.link).toBe('live');
    expect(run.do({ type: 'opened', id: run.id })).toEqual([{ type: 'watch', id: run.id }]);
    expect(run.link).toBe('live');
    expect(run.do({ type: 'received', id: run.id })).toEqual([{ type: 'close', id: old }]);
    expect(run.link).toBe('live');
    expect(run.machine.current?.id).toBe(run.id);
    expect(run.do({ type: 'closed', id: old })).toEqual([]);
    expect(run.link).toBe('live');
  });

  it('keeps the old socket when it fails, and is tried again', () => {
    const { run, old } = renewing();
    run.do({ type: 'closed', id: run.id });
    expect(run.link).toBe('live');
    expect(run.machine.current?.id).toBe(old);
    expect(dueAt(run.machine)).toBe(run.now + MAX_BACKOFF_MS * 0.75);
    expect(run.due()).toEqual([{ type: 'open', id: old + 2 }]);
  });

  it('is given up when the new socket does not open in time', () => {
    const { run, old } = renewing();
    run.now += OPEN_WITHIN_MS;
    expect(run.do({ type: 'tick' })).toEqual([{ type: 'close', id: old + 1 }]);
    expect(run.link).toBe('live');
  });

  it('takes over when the old socket breaks meanwhile', () => {
    const { run, old } = renewing();
    run.do({ type: 'closed', id: old });
    expect(run.link).toBe('reconnecting');
    run.do({ type: 'opened', id: run.id });
    expect(run.link).toBe('live');
  });

  it('comes before a principal expires, but not too soon', () => {
    const run = live();
    run.do({ type: 'expires', at: run.now + 60_000 });
    expect(dueAt(run.machine)).toBe(run.now + 45_000);
    run.do({ type: 'expires', at: run.now + 1_000 });
    expect(dueAt(run.machine)).toBe(run.now + 5_000);
  });
});

it('closes its socket when it is stopped, and ignores later events', () => {
  const run = live();
  const id = run.id;
  expect(run.do({ type: 'stop' })).toEqual([{ type: 'close', id }]);
  expect(run.do({ type: 'opened', id }, { type: 'tick' }, { type: 'verify' })).toEqual([]);
  expect(dueAt(run.machine)).toBeNull();
  expect(run.do({ type: 'start' })).toEqual([{ type: 'open', id: id + 1 }]);
});

it('always has a next tick, after any events', () => {
  // A random walk through events.
  let seed = 7;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  for (let walk = 0; walk < 200; walk++) {
    const run = new Run();
    run.do({ type: 'start' });
    for (let at = 0; at < 60; at++) {
      run.random = random();
      const id = Math.max(1, run.id - Math.floor(random() * 3));
      const events: Event[] = [
        { type: 'opened', id },
        { type: 'closed', id },
        { type: 'received', id },
        { type: 'tick' },
        { type: 'retry' },
        { type: 'verify' },
        { type: 'expires', at: run.now + random() * 60_000 },
      ];
      run.now += random() * 40_000;
      run.do(events[Math.floor(random() * events.length)] as Event);
      expect(dueAt(run.machine)).not.toBeNull();
      expect(dueAt(run.machine)).toBeLessThanOrEqual(run.now + PING_EVERY_MS);
    }
  }
});
