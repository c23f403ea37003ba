import { useEffect, useState } from 'react';
import type { EventDetail } from '../api';
import { ApiError } from '../data/client';
import { ALL_EVENTS } from '../data/events';
import type { Panel } from '../data/panel';
import { eventsRoute, hashOf } from '../data/route';
import { Copy, Dialog } from './bits';
import { dateTime } from './format';
import { Why } from './webhooks/Why';
import { TARGETS, VERDICTS, kindWords } from './words';

export function Event({
  panel,
  store,
  id,
  reachable,
  onClose,
}: {
  panel: Panel;
  store: string;
  id: string;
  reachable: boolean;
  onClose: () => void;
}) {
  const [detail, setDetail] = useState<EventDetail | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    const leaving = new AbortController();
    panel.client.event(store, id, leaving.signal).then(
      (response) => {
        setDetail(response);
        setError(null);
      },
      (failure: unknown) => {
        if (!leaving.signal.aborted && failure instanceof ApiError) setError(failure);
      },
    );
    return () => leaving.abort();
    // Read again when the server answers again.
    // oxlint-disable-next-line react/exhaustive-deps, react/exhaustive-effect-dependencies
  }, [panel, store, id, reachable]);
  return (
    <Dialog title={detail?.type ?? 'Event'} onClose={onClose} className="delivery">
      <div data-testid="event">
        {error !== null && (error.status !== 0 || reachable) && (
          <p role="alert" className="banner bad">
            {error.status === 404
              ? 'There is no such event: it was never published, or it has expired.'
              : error.message}
          </p>
        )}
        {detail === null ? (
          error === null && <p className="faint">Loading…</p>
        ) : (
          <Details detail={detail}>
            <Why panel={panel} store={store} event={id} reachable={reachable} />
          </Details>
        )}
      </div>
    </Dialog>
  );
}

/** An event with its payload, and above that what the page adds. */
export function Details({ detail, children }: { detail: EventDetail; children?: React.ReactNode }) {
  const { store, subject, cause, changed, payload } = detail;
  const { previous } = payload;
  const json = JSON.stringify(payload, null, 2);
  const about = { ...ALL_EVENTS, subject: `${subject.kind}#${subject.id}` };
  return (
    <>
      <dl className="pairs">
        <Pair name="Event id">
          <code>{detail.id}</code> <Copy text={detail.id} name="the event id" />
        </Pair>
        <Pair name="About">
          {kindWords(subject.kind)} {subject.id} <a href={hashOf(eventsRoute(store, about))}>All its events</a>
        </Pair>
        <Pair name="Time">{dateTime(detail.timestamp)}</Pair>
        {changed !== null && <Pair name="Changed">{changed.join(', ') || 'nothing'}</Pair>}
        {typeof previous === 'object' && previous !== null && Object.keys(previous).length > 0 && (
          <Pair name="Before">
            <code>{JSON.stringify(previous)}</code>
          </Pair>
        )}
        <Pair name="Cause">
          {cause === null ? (
            'None: it was published by hand'
          ) : cause.delivery_id === null ? (
            `${cause.topic}, ${dateTime(cause.received_at)}`
          ) : (
            <>
              <a href={hashOf({ store, delivery: { topic: cause.topic, id: cause.delivery_id } })}>
                The delivery of {cause.topic}
              </a>
              , received {dateTime(cause.received_at)}.{' '}
              <a href={hashOf(eventsRoute(store, { ...ALL_EVENTS, cause: cause.delivery_id }))}>All its events</a>
            </>
          )}
        </Pair>
        {detail.targets.map(({ target, verdict, error }) => (
          <Pair key={target} name={TARGETS[target] ?? target}>
            {VERDICTS[verdict] ?? verdict}
            {error !== undefined && (
              <>
                : <code>{error}</code>
              </>
            )}
          </Pair>
        ))}
        <Pair name="Kept until">{dateTime(detail.expires_at)}</Pair>
      </dl>
      {children}
      <h3>
        Payload <Copy text={json} name="the payload" />
      </h3>
      <pre className="payload">{json}</pre>
    </>
  );
}

function Pair({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
