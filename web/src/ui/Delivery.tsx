import { useEffect, useState } from 'react';
import type { ActivityEntry, DeliveryDetail } from '../api';
import { ApiError, asSentence } from '../data/client';
import { ALL_EVENTS } from '../data/events';
import type { Panel } from '../data/panel';
import { eventsRoute, hashOf } from '../data/route';
import { type StoreView, findEntry } from '../data/view';
import { Confirm, OutcomeMessage, useOutcome } from './Actions';
import { Ago, Copy, Dialog, OutcomeTag } from './bits';
import { Remedies, Times, applyRemedy } from './Failed';
import { subjectOf } from './Feed';
import { dateTime, delay } from './format';
import { NO_EVENTS, OUTCOMES, errorName, kindWords } from './words';

const LEDGER_STATES: Record<DeliveryDetail['state'], string> = {
  claimed: 'In progress, or waiting for a retry',
  done: 'Done',
  parked: 'Parked',
  expired: 'Expired',
};

/** Error of a delivery, from the ledger or, until that has been read, from the feed. */
type Problem = Pick<NonNullable<DeliveryDetail['problem']>, 'at' | 'code' | 'cause' | 'message'> & { advice?: string };

export function Delivery({
  panel,
  view,
  delivery,
  mayChange,
  reachable,
  onClose,
}: {
  panel: Panel;
  view: StoreView;
  delivery: { topic: string; id: string };
  mayChange: boolean;
  reachable: boolean;
  onClose: () => void;
}) {
  const { store } = view;
  const { topic, id } = delivery;
  const entry = findEntry(view, delivery);
  const [detail, setDetail] = useState<DeliveryDetail | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [confirming, setConfirming] = useState(false);
  const [outcome, perform, busy] = useOutcome(panel);
  const changedAt = entry?.at;
  // A failed delivery also changes without a new entry.
  const seq = detail?.failed ? view.status?.seq : undefined;
  useEffect(() => {
    const leaving = new AbortController();
    panel.client.delivery(store, topic, id, leaving.signal).then(
      (response) => {
        setDetail(response);
        setError(null);
      },
      (failure: unknown) => {
        if (!leaving.signal.aborted && failure instanceof ApiError) setError(failure);
      },
    );
    return () => leaving.abort();
    // Read again whenever the delivery has a new entry, and when the server answers again.
    // oxlint-disable-next-line react/exhaustive-deps, react/exhaustive-effect-dependencies
  }, [panel, store, topic, id, changedAt, reachable, seq]);
  const latest = entry ?? detail?.entries[0];
  const entries = detail?.entries.length ? detail.entries : entry ? [entry] : [];
  const problem = detail?.problem ?? (latest ? problemOf(latest) : null);
  return (
    <Dialog title={latest ? subjectOf(latest) : 'Delivery'} onClose={onClose} className="delivery">
      <div data-testid="delivery">
        <p>
          {latest && <OutcomeTag outcome={latest.outcome} />}{' '}
          {latest && detail === null && OUTCOMES[latest.outcome]?.meaning}
        </p>
        {detail !== null && (
          <p className="meaning" data-testid="meaning">
            {asSentence(detail.meaning)}
          </p>
        )}
        {detail?.failed && <Times failed={detail.failed} />}
        {error !== null && (error.status !== 0 || reachable) && (
          <p role="alert" className="banner bad">
            {error.status === 404
              ? 'Hookline has no record of this delivery: it never arrived, or it arrived more than 7 days ago.'
              : error.message}
          </p>
        )}
        {problem !== null && <ProblemBanner problem={problem} />}
        {mayChange && detail !== null && (
          <>
            {detail.actions.includes('replay') && (
              <div className="row">
                <button
                  type="button"
                  data-testid="action-replay"
                  disabled={busy || !reachable}
                  onClick={() => setConfirming(true)}
                >
                  Replay
                </button>
              </div>
            )}
            <Remedies
              remedies={detail.actions.filter((action) => action !== 'replay')}
              name="this delivery"
              disabled={busy || !reachable}
              onRemedy={(remedy) => perform((client) => applyRemedy(client, store, remedy, delivery))}
            />
          </>
        )}
        <OutcomeMessage outcome={outcome} />
        {latest && <Timeline entry={latest} />}
        <Facts delivery={delivery} detail={detail} latest={latest} />
        <Caused store={store} id={id} events={detail?.events ?? null} />
        {entries.length > 0 && (
          <>
            <h3>History, newest first</h3>
            <ol className="history">
              {entries.map((one) => (
                <li key={`${one.at} ${one.outcome}`}>
                  <OutcomeTag outcome={one.outcome} /> {dateTime(one.at)}
                  {one.replay && ', replayed'}
                  {one.problem && <span className="faint"> {errorName(one.problem[0])}</span>}
                </li>
              ))}
            </ol>
          </>
        )}
      </div>
      {confirming && (
        <Confirm
          question="Replay this delivery?"
          explanation="It goes through the queue once more, as it was received. Newer states are not overwritten."
          yes="Replay"
          onClose={() => setConfirming(false)}
          onYes={() => {
            setConfirming(false);
            perform(async (client) => {
              await client.replay(store, topic, id);
              return 'The delivery is in the queue again. Its outcome shows in the feed.';
            });
          }}
        />
      )}
    </Dialog>
  );
}

function problemOf({ at, problem }: ActivityEntry): Problem | null {
  return problem === undefined ? null : { at, code: problem[0], message: problem[1] };
}

export function ProblemBanner({ problem: { at, code, cause, message, advice } }: { problem: Problem }) {
  return (
    <div className="banner bad" data-testid="problem">
      <p>
        <strong>{errorName(code, cause)}</strong>, <Ago at={at} />
      </p>
      <p>
        <code>{message}</code>
      </p>
      {advice && (
        <p>
          <strong>What to do:</strong> {advice}
        </p>
      )}
    </div>
  );
}

/** The events of a delivery that its completion recorded, and the way to all of them, those of its jobs included. */
export function Caused({ store, id, events }: { store: string; id: string } & Pick<DeliveryDetail, 'events'>) {
  const filter = { ...ALL_EVENTS, cause: id };
  return (
    <div data-testid="caused">
      {events?.outcome === 'published' && (
        <>
          <h3>Published</h3>
          <ul>
            {events.ids.map((event) => (
              <li key={event}>
                <a href={hashOf(eventsRoute(store, filter, event))}>
                  <code>{event}</code>
                </a>
              </li>
            ))}
          </ul>
        </>
      )}
      <p>
        {events !== null && events.outcome !== 'published' && `${NO_EVENTS[events.outcome] ?? ''} `}
        <a href={hashOf(eventsRoute(store, filter))}>Events that it caused</a>
      </p>
    </div>
  );
}

function Facts({
  delivery,
  detail,
  latest,
}: {
  delivery: { topic: string; id: string };
  detail: DeliveryDetail | null;
  latest: ActivityEntry | undefined;
}) {
  const eventId = detail?.event_id ?? latest?.event_id;
  return (
    <dl className="pairs">
      <Pair name="Topic" value={delivery.topic} />
      <div>
        <dt>Delivery id</dt>
        <dd>
          <code>{delivery.id}</code> <Copy text={delivery.id} name="the delivery id" />
        </dd>
      </div>
      {latest?.subject && <Pair name="About" value={`${kindWords(latest.subject.kind)} ${latest.subject.id}`} />}
      {eventId && <Pair name="Event id" value={eventId} />}
      {detail !== null && (
        <>
          <Pair name="Ledger" value={LEDGER_STATES[detail.state] ?? detail.state} />
          <Pair name="Claimed" value={dateTime(detail.claimed_at)} />
          {detail.settled_at !== null && <Pair name="Completed" value={dateTime(detail.settled_at)} />}
          {detail.lease_until && <Pair name="Lease until" value={dateTime(detail.lease_until)} />}
          <Pair name="Recorded until" value={dateTime(detail.expires_at)} />
        </>
      )}
    </dl>
  );
}

function Pair({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** Stages of a delivery, with the time that each took. */
function Timeline({ entry }: { entry: ActivityEntry }) {
  const stages = [
    ...(entry.triggered_at === undefined ? [] : [{ name: 'Triggered', at: entry.triggered_at }]),
    { name: 'Received', at: entry.received_at },
    { name: OUTCOMES[entry.outcome]?.name ?? entry.outcome, at: entry.at },
  ];
  return (
    <ol className="timeline" aria-label="Timeline">
      {stages.map((stage, index) => {
        const before = stages[index - 1];
        return (
          <li key={stage.name}>
            <strong>{stage.name}</strong>
            <time dateTime={stage.at}>{dateTime(stage.at)}</time>
            {before && (
              <span className="faint">after {delay(Math.max(Date.parse(stage.at) - Date.parse(before.at), 0))}</span>
            )}
          </li>
        );
      })}
    </ol>
  );
}
