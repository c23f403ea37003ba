import { describe, expect, it } from 'vitest';
import { type Channel, type Locks, Tabs, type Told } from './tabs';

/** Channels and locks of one browser, without one. */
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
    request: (name, { signal }, held) =>
      new Promise((resolve, reject) => {
        const queue = this.queues.get(name) ?? [];
        this.queues.set(name, queue);
        const run = async () => {
          if (!signal.aborted) await held();
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
    const heard: [string, Told][] = [];
    const tabs = new Tabs(
      name,
      { heard: (told, from) => heard.push([from, told]), leads: () => undefined },
      alone ? { channel: null, locks: null, id } : { channel: this.channel, locks: this.locks, id },
    );
    return { tabs, heard };
  }
}

const settled = async () => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

describe('tabs of one browser', () => {
  it('have one leader, and the next when it goes', async () => {
    const browser = new Browser();
    const [a, b, c] = ['a', 'b', 'c'].map((id) => browser.tab(id).tabs) as [Tabs, Tabs, Tabs];
    await settled();
    expect([a.leader, b.leader, c.leader]).toEqual([true, false, false]);
    b.leave();
    a.leave();
    await settled();
    expect([a.leader, b.leader, c.leader]).toEqual([false, false, true]);
  });

  it('hear each other, and not themselves', () => {
    const browser = new Browser();
    const [a, b] = [browser.tab('a'), browser.tab('b')];
    a.tabs.tell({ kind: 'dismiss', ids: ['n1'] });
    expect(b.heard).toEqual([['a', { kind: 'dismiss', ids: ['n1'] }]]);
    expect(a.heard).toEqual([]);
  });

  it('that are signed in otherwise hear nothing', async () => {
    const browser = new Browser();
    const [mine, other] = [browser.tab('a', 'live tok_1'), browser.tab('b', 'live tok_2')];
    await settled();
    expect([mine.tabs.leader, other.tabs.leader]).toEqual([true, true]);
    mine.tabs.tell({ kind: 'watch' });
    expect(other.heard).toEqual([]);
  });

  it('that have left say and hear nothing', () => {
    const browser = new Browser();
    const [a, b] = [browser.tab('a'), browser.tab('b')];
    b.tabs.leave();
    a.tabs.tell({ kind: 'hello' });
    b.tabs.tell({ kind: 'hello' });
    expect([a.heard, b.heard]).toEqual([[], []]);
  });

  it('are each on their own where the browser has no locks', async () => {
    const browser = new Browser();
    const [a, b] = [browser.tab('a', 'one', true), browser.tab('b', 'one', true)];
    await settled();
    expect([a.tabs.leader, b.tabs.leader]).toEqual([true, true]);
  });
});
