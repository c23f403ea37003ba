import { useCallback, useEffect, useRef, useState } from 'react';
import type { EndpointStatus } from '../../api';
import { ApiError } from '../../data/client';
import { type Place } from './bits';
import { LIVE_EVERY_MS } from './polled';

/** Most endpoints whose health is read at one time: the list of endpoints has none, and each read is a query. */
const READS_AT_ONCE = 5;
/** Pause between two groups while some endpoints have not been read at all. */
const FIRST_READS_MS = 50;

/**
 * Reads the health of the endpoints that the page follows: of up to five all at each interval, of more in turn, the oldest
 * reading first.
 */
export function useHealth({ panel, owner }: Place): {
  health: ReadonlyMap<string, EndpointStatus>;
  /** Says which endpoints the page shows. */
  follow: (ids: string[]) => void;
} {
  const [health, setHealth] = useState<ReadonlyMap<string, EndpointStatus>>(new Map());
  const followed = useRef<string[]>([]);
  const begin = useRef(() => {});
  useEffect(() => {
    const leaving = new AbortController();
    const readAt = new Map<string, number>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let busy = false;
    const read = async (id: string) => {
      readAt.set(id, Date.now());
      try {
        const status = await panel.client.webhooks.status(owner, id, leaving.signal);
        if (!leaving.signal.aborted) setHealth((known) => new Map(known).set(id, status));
      } catch (error) {
        // An endpoint that is gone drops out of the list; any other is read again in its turn.
        if (!(error instanceof ApiError) && !leaving.signal.aborted) throw error;
      }
    };
    const hasUnread = () => followed.current.some((id) => !readAt.has(id));
    const run = async () => {
      if (busy) return;
      clearTimeout(timer);
      busy = true;
      const began = Date.now();
      if (document.visibilityState === 'visible') {
        const due = [...followed.current].sort((a, b) => (readAt.get(a) ?? 0) - (readAt.get(b) ?? 0));
        await Promise.all(due.slice(0, READS_AT_ONCE).map(read));
      }
      busy = false;
      const wait = hasUnread() ? 0 : began + LIVE_EVERY_MS - Date.now();
      if (!leaving.signal.aborted) timer = setTimeout(() => void run(), Math.max(wait, FIRST_READS_MS));
    };
    begin.current = () => {
      if (hasUnread()) void run();
    };
    void run();
    return () => {
      leaving.abort();
      clearTimeout(timer);
    };
  }, [panel, owner]);
  const follow = useCallback((ids: string[]) => {
    followed.current = ids;
    begin.current();
  }, []);
  return { health, follow };
}
