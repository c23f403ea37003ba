import { useState } from 'react';
import type { FailedDelivery, Remedy, Status } from '../api';
import type { Hub } from '../data/hub';
import { hashOf } from '../data/route';
import { Confirm, Said, useOutcome } from './Actions';
import { Ago, Card, useNow } from './bits';
import { count, plural, until } from './format';
import { FAILED, REMEDIES, errorName, kindWords } from './words';

/** Failed deliveries of a store, those that wait for a person first. Nothing is drawn where there is none. */
export function FailedCard({
  hub,
  store,
  status,
  mayChange,
  reachable,
}: {
  hub: Hub;
  store: string;
  status: Status;
  mayChange: boolean;
  reachable: boolean;
}) {
  const { failed } = status;
  const [outcome, perform, busy] = useOutcome(hub);
  if (failed.deliveries.length === 0) return outcome === null ? null : <Said outcome={outcome} />;
  const more = failed.more ? '+' : '';
  const rest = failed.retrying + failed.dead_letters - failed.deliveries.length;
  return (
    <Card title="Failed deliveries" className="failed">
      <p data-testid="failed-counts">
        <strong>
          {count(failed.attention)}
          {more} waiting for you
        </strong>
        {`: ${plural(failed.dead_letters, 'dead letter')}${more}, ${count(failed.retrying)}${more} still retried by the queue.`}
      </p>
      <ul className="failures">
        {failed.deliveries.map((one) => (
          <li
            key={`${one.topic} ${one.id}`}
            data-failed={one.id}
            data-state={one.state}
            data-parked={one.parked ? '' : undefined}
          >
            <Failure store={store} failed={one} />
            {mayChange && (
              <Remedies
                remedies={one.actions}
                of={one.subject?.title ?? one.topic}
                disabled={busy || !reachable}
                onRemedy={(remedy) => perform((client) => remedied(client, store, remedy, one))}
              />
            )}
          </li>
        ))}
      </ul>
      {(rest > 0 || failed.more) && (
        <p className="faint">
          And {count(Math.max(rest, 1))}
          {more} more: see the deliveries below.
        </p>
      )}
      <Said outcome={outcome} />
    </Card>
  );
}

/** Does something about a failed delivery; what came of it, in the server's words. */
export async function remedied(
  client: Hub['client'],
  store: string,
  remedy: Remedy,
  { topic, id }: { topic: string; id: string },
): Promise<string> {
  return (await client.remedy(store, remedy, topic, id)).message;
}

function Failure({ store, failed }: { store: string; failed: FailedDelivery }) {
  const subject = failed.subject?.title ?? (failed.subject && `${kindWords(failed.subject.kind)} ${failed.subject.id}`);
  return (
    <div>
      <p>
        <span className="fate" data-outcome={failed.state === 'retrying' ? 'waiting' : 'parked'}>
          {FAILED[failed.state] ?? failed.state}
        </span>{' '}
        <a href={hashOf({ store, delivery: { topic: failed.topic, id: failed.id } })}>{subject ?? failed.topic}</a>{' '}
        <span className="faint">
          {subject === undefined ? '' : `${failed.topic} · `}
          {errorName(failed.code, failed.cause)} · tried <Ago at={failed.tried_at} />, {count(failed.tries)} of{' '}
          {count(failed.tries_at_most)} times
        </span>
      </p>
      <p>{failed.meaning}</p>
      <Times failed={failed} />
    </div>
  );
}

/** What comes next by itself, and when. */
export function Times({ failed }: { failed: FailedDelivery }) {
  const now = useNow();
  if (failed.state === 'retrying') {
    return (
      <p className="faint">
        {failed.next_try_at !== null && `Next try ${until(failed.next_try_at, now)}. `}
        Dead letter {until(failed.dead_letter_at, now)}.
      </p>
    );
  }
  return failed.state === 'dead_letter' ? (
    <p className="faint">Kept for {until(failed.expires_at, now, false)}.</p>
  ) : null;
}

/** Buttons for what can be done about a failed delivery. */
export function Remedies({
  remedies,
  of,
  disabled,
  onRemedy,
}: {
  remedies: Remedy[];
  /** The delivery, in words: there may be several on the page. */
  of: string;
  disabled: boolean;
  onRemedy: (remedy: Remedy) => void;
}) {
  const [asked, setAsked] = useState<Remedy | null>(null);
  return (
    <div className="row">
      {remedies.map((remedy) => (
        <button
          key={remedy}
          type="button"
          className="small"
          aria-label={`${REMEDIES[remedy].name}: ${of}`}
          data-testid={`remedy-${remedy}`}
          disabled={disabled}
          onClick={() => setAsked(remedy)}
        >
          {REMEDIES[remedy].name}
        </button>
      ))}
      {asked !== null && (
        <Confirm
          title={REMEDIES[asked].asks}
          says={REMEDIES[asked].says}
          yes={REMEDIES[asked].name}
          onClose={() => setAsked(null)}
          onYes={() => {
            setAsked(null);
            onRemedy(asked);
          }}
        />
      )}
    </div>
  );
}
