import { useCallback, useEffect, useState } from 'react';
import type { EventDetail, Message } from '../../api';
import { ApiError } from '../../data/client';
import { ALL_EVENTS } from '../../data/events';
import { eventsRoute, hashOf } from '../../data/route';
import { Copy, Dialog, useNow } from '../bits';
import { Details } from '../Event';
import { plural, until } from '../format';
import { Attempts } from './Attempts';
import { ActionError, FateBadge, type Place, ReadError, useAction } from './bits';
import { usePolled } from './polled';

const NOT_FOUND = 404;
/** Attempts that the server keeps of a message. */
const KEPT_ATTEMPTS = 10;

/** Timeline of a message, its payload, and the way to the fate of its event at all endpoints. */
export function MessageDialog({
  place,
  endpoint,
  event,
  onClose,
}: {
  place: Place;
  endpoint: string;
  event: string;
  onClose: () => void;
}) {
  const { panel, owner, reachable } = place;
  const { value, error, refresh } = usePolled(
    useCallback(
      (signal: AbortSignal) => panel.client.webhooks.message(owner, endpoint, event, signal),
      [panel, owner, endpoint, event],
    ),
  );
  return (
    <Dialog title={value?.type ?? 'Message'} onClose={onClose} className="delivery message-dialog">
      <div data-testid="message" data-fate={value?.fate}>
        {error?.status === NOT_FOUND ? (
          <p role="alert" className="banner bad">
            Hookline has no record of this message: it was never tried, or that is more than 30 days ago.
          </p>
        ) : (
          <ReadError error={error} reachable={reachable} />
        )}
        {value === null ? (
          error === null && reachable && <p className="faint">Loading…</p>
        ) : (
          <>
            <Fate message={value} />
            {place.mayChange && (
              <Retry place={place} endpoint={endpoint} event={event} isOpen={value.fate === 'open'} onDone={refresh} />
            )}
            {value.attempts.length > 0 && (
              <>
                <h3>{value.attempts.length < KEPT_ATTEMPTS ? 'Attempts' : `The latest ${KEPT_ATTEMPTS} attempts`}</h3>
                <Attempts attempts={value.attempts} />
              </>
            )}
            <h3>Event</h3>
            <p>
              <code>{event}</code> <Copy text={event} name="the event id" />{' '}
              <a href={hashOf(eventsRoute(value.store, ALL_EVENTS, event))}>Why: its way to each webhook</a>
            </p>
            <Payload place={place} store={value.store} event={event} />
          </>
        )}
      </div>
    </Dialog>
  );
}

export function Fate({ message: { fate, sentence, run, next_attempt_at } }: { message: Message }) {
  const now = useNow();
  return (
    <p data-testid="fate">
      <FateBadge fate={fate} /> {sentence}
      {next_attempt_at !== null && ` Next attempt ${until(next_attempt_at, now)}.`}
      {run > 0 && ` Somebody sent it again, ${plural(run, 'time')}.`}
    </p>
  );
}

function Retry({
  place,
  endpoint,
  event,
  isOpen,
  onDone,
}: {
  place: Place;
  endpoint: string;
  event: string;
  /** True while it is tried anyway. */
  isOpen: boolean;
  onDone: () => void;
}) {
  const { busy, error, run } = useAction(place.panel);
  const [done, setDone] = useState(false);
  const retry = async () => {
    const answer = await run(async (client) => [await client.webhooks.retry(place.owner, endpoint, event)]);
    setDone(answer !== undefined);
    onDone();
  };
  return (
    <>
      <div className="row">
        <button type="button" disabled={busy || isOpen || !place.reachable} onClick={() => void retry()}>
          Retry
        </button>
        <span role="status" className={done ? 'message good' : 'faint'}>
          {done
            ? 'It is sent again in a moment, with the same id.'
            : isOpen
              ? 'It is tried again anyway.'
              : 'Sends it again, with the same id.'}
        </span>
      </div>
      <ActionError error={error} />
    </>
  );
}

/** The event that the message carries, read once somebody wants to see it. */
function Payload({ place: { panel }, store, event }: { place: Place; store: string; event: string }) {
  const [open, setOpen] = useState(false);
  const [detail, setDetail] = useState<EventDetail | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    const leaving = new AbortController();
    if (open) {
      panel.client.event(store, event, leaving.signal).then(setDetail, (failure: unknown) => {
        if (!leaving.signal.aborted && failure instanceof ApiError) setError(failure);
      });
    }
    return () => leaving.abort();
  }, [panel, store, event, open]);
  return (
    <details onToggle={(toggled) => setOpen(toggled.currentTarget.open)}>
      <summary>Payload</summary>
      {error !== null && (
        <p role="alert" className="banner bad">
          {error.status === NOT_FOUND ? 'The event is no longer kept.' : error.message}
        </p>
      )}
      {detail === null ? error === null && <p className="faint">Loading…</p> : <Details detail={detail} />}
    </details>
  );
}
