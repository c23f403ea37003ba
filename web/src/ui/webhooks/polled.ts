import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError } from '../../data/client';

/** Interval of reading what a page shows while it is visible. */
export const LIVE_EVERY_MS = 2_000;
/** Interval after a failure. */
const AGAIN_AFTER_MS = 5_000;

export interface Polled<T> {
  value: T | null;
  error: ApiError | null;
  /** Reads again at once. */
  refresh: () => void;
}

/** Reads something at once, and again at intervals while the page is visible. `read` must not change in between. */
export function usePolled<T>(read: (signal: AbortSignal) => Promise<T>, everyMs = LIVE_EVERY_MS): Polled<T> {
  const [answer, setAnswer] = useState<{ value: T | null; error: ApiError | null }>({ value: null, error: null });
  const next = useRef(() => {});
  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let busy = false;
    let again = false;
    const run = async () => {
      clearTimeout(timer);
      again = busy;
      if (busy || document.visibilityState !== 'visible') return;
      busy = true;
      const began = Date.now();
      let wait = everyMs;
      try {
        const value = await read(signal);
        if (!signal.aborted) setAnswer({ value, error: null });
      } catch (error) {
        if (!signal.aborted && error instanceof ApiError) setAnswer((known) => ({ ...known, error }));
        wait = Math.max(everyMs, AGAIN_AFTER_MS);
      }
      busy = false;
      if (signal.aborted) return;
      timer = setTimeout(() => void run(), again ? 0 : Math.max(began + wait - Date.now(), 0));
    };
    next.current = () => void run();
    document.addEventListener('visibilitychange', next.current, { signal });
    window.addEventListener('online', next.current, { signal });
    void run();
    return () => {
      leaving.abort();
      clearTimeout(timer);
    };
  }, [read, everyMs]);
  return { ...answer, refresh: useCallback(() => next.current(), []) };
}
