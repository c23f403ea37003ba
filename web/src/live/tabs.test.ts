import { describe, expect, it } from 'vitest';
import { type Channel, type Locks, type TabMessage, Tabs } from './tabs';

/** Stand-in for the channels and locks of one browser. */
class Browser {
  private readonly channels = new Map<string, Set<(event: { data: unknown }) => void>>();
  private readonly queues = new Map<string, (() => Promise<void>)[]>();

  channel = (name: string): Channel => {
    const all = this.channels.get(name) ?? new Set();
    this.channels.set(name, all);
    let mine: ((event: { data: unknown }) => void) | null = null;
    return {
      postMessage: (message) => {
        for (const other of all) if (other !== mine) other({ data: structuredClone(message) });
      },
      addEventListener: (_, listener) => {
        mine = listener;
        all.add(listener);
      },
      close: () => {
        if (mine) all.delete(mine);
      },
    };
  };

  locks: Locks = {
    request: (name, { signal }, callback) =>
      new Promise((resolve, reject) => {
        const queue = this.queues.get(name) ?? [];
        this.queues.set(name, queue);
        const run = async () => {
          if (!signal.aborted) await callback();
          resolve(undefined);
          queue.shift();
          void queue[0]?.();
        };
        signal.addEventListener('abort', () => {
          const at = queue.indexOf(run);
          if (at > 0) {
            queue.splice(at, 1);
            reject(new DOMException('left', 'AbortError'));
          }
        });
        queue.push(run);
        if (queue.length === 1) void run();
      }),
  };

  tab(id: string, name = 'one', alone = false) {
    const received: [string, TabMessage][] = [];
    const tabs = new Tabs(
      name,
      { received: (message, from) => received.push([from, message]), elected: () => undefined },
      alone ? { channel: null, locks: null, id } : { channel: this.channel, locks: this.locks, id },
    );
    return { tabs, received };
  }
}

const settle = async () => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

describe('tabs of one browser', () => {
  it('have one leader, and another once it has left', async () => {
    const browser = new Browser();
    const [a, b, c] = ['a', 'b', 'c'].map((id) => browser.tab(id).tabs) as [Tabs, Tabs, Tabs];
    await settle();
    expect([a.isLeader, b.isLeader, c.isLeader]).toEqual([true, false, false]);
    b.leave();
    a.leave();
    await settle();
    expect([a.isLeader, b.isLeader, c.isLeader]).toEqual([false, false, true]);
  });

  it('receive messages of each other, but not their own', () => {
    const browser = new Browser();
    const [a, b] = [browser.tab('a'), browser.tab('b')];
    a.tabs.send({ kind: 'dismiss', ids: ['n1'] });
    expect(b.received).toEqual([['a', { kind: 'dismiss', ids: ['n1'] }]]);
    expect(a.received).toEqual([]);
  });

  it('receive nothing from tabs of another principal', async () => {
    const browser = new Browser();
    const [mine, other] = [browser.tab('a', 'live tok_1'), browser.tab('b', 'live tok_2')];
    await settle();
    expect([mine.tabs.isLeader, other.tabs.isLeader]).toEqual([true, true]);
    mine.tabs.send({ kind: 'watch' });
    expect(other.received).toEqual([]);
  });

  it('send and receive nothing after they have left', () => {
    const browser = new Browser();
    const [a, b] = [browser.tab('a'), browser.tab('b')];
    b.tabs.leave();
    a.tabs.send({ kind: 'hello' });
    b.tabs.send({ kind: 'hello' });
    expect([a.received, b.received]).toEqual([[], []]);
  });

  it('lead themselves where the browser has no locks', async () => {
    const browser = new Browser();
    const [a, b] = [browser.tab('a', 'one', true), browser.tab('b', 'one', true)];
    await settle();
    expect([a.tabs.isLeader, b.tabs.isLeader]).toEqual([true, true]);
  });
});
