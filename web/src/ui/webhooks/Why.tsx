import { useCallback } from 'react';
import type { WhyEndpoint, WhyResponse } from '../../api';
import type { Panel } from '../../data/panel';
import { endpointRoute, hashOf } from '../../data/route';
import { ALL_MESSAGES } from '../../data/webhooks';
import { dateTime, withReadableTimes } from '../format';
import { Badge, FateBadge, ReadError } from './bits';
import { TARGETS, VERDICTS } from '../words';
import { VERDICT_NAMES } from './names';
import { usePolled } from './polled';

/** Answers of a server that is older, or that has no outbound webhooks. */
const NO_WEBHOOKS = new Set([404, 501]);

/** The way of an event: the delivery that brought it, and each endpoint with the reason why it got it or not. */
export function Why({
  panel,
  store,
  event,
  reachable,
}: {
  panel: Panel;
  store: string;
  event: string;
  reachable: boolean;
}) {
  const { value, error } = usePolled(
    useCallback((signal: AbortSignal) => panel.client.webhooks.why(store, event, signal), [panel, store, event]),
  );
  return (
    <section aria-labelledby="why" data-testid="why-event">
      <h3 id="why">Why: from the delivery to each webhook</h3>
      {error !== null && NO_WEBHOOKS.has(error.status) ? (
        <p className="faint">Hookline has no record of webhooks for this event.</p>
      ) : (
        <ReadError error={error} reachable={reachable} />
      )}
      {value === null ? (
        error === null && reachable && <p className="faint">Loading…</p>
      ) : (
        <Chain store={store} why={value} />
      )}
    </section>
  );
}

export function Chain({ store, why: { event, cause, endpoints, bus } }: { store: string; why: WhyResponse }) {
  return (
    <ol className="chain">
      <li>
        {cause === null ? (
          'It was published by hand, without a delivery.'
        ) : cause.delivery_id === null ? (
          `It comes from ${cause.topic}, ${dateTime(cause.received_at)}.`
        ) : (
          <>
            <a href={hashOf({ store, delivery: { topic: cause.topic, id: cause.delivery_id } })}>
              The delivery of {cause.topic}
            </a>{' '}
            brought it, {dateTime(cause.received_at)}.
          </>
        )}
      </li>
      <li>
        {TARGETS['bus']}: {VERDICTS[bus.verdict] ?? bus.verdict}
        {bus.error ? `: ${bus.error}` : ''}.
      </li>
      {endpoints.length === 0 && <li>There was no webhook when the event was published.</li>}
      {endpoints.map((one) => (
        <li key={one.endpoint} data-why={one.endpoint} data-verdict={one.verdict}>
          <Verdict one={one} /> <Target store={store} event={event} one={one} />
          <p>{withReadableTimes(one.sentence)}</p>
        </li>
      ))}
    </ol>
  );
}

function Verdict({ one: { verdict, fate } }: { one: WhyEndpoint }) {
  if (verdict === 'queued' && fate !== null) return <FateBadge fate={fate} />;
  return <Badge tone="quiet">{VERDICT_NAMES[verdict] ?? verdict.replaceAll('_', ' ')}</Badge>;
}

/** The endpoint, with the way to its message of this event, or to its page if it has none. */
function Target({ store, event, one }: { store: string; event: string; one: WhyEndpoint }) {
  const name = <code>{one.url ?? one.endpoint}</code>;
  if (one.url === null) return name;
  const owner = one.owner === '*' ? null : store;
  return (
    <>
      <a href={hashOf(endpointRoute(owner, one.endpoint, ALL_MESSAGES, one.fate === null ? null : event))}>{name}</a>
      {owner === null && <span className="faint"> for all stores</span>}
    </>
  );
}
