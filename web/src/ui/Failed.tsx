import { useState } from 'react';
import type { FailedDelivery, Remedy, Status } from '../api';
import type { Client } from '../data/client';
import type { Panel } from '../data/panel';
import { hashOf } from '../data/route';
import { Confirm, OutcomeMessage, useOutcome } from './Actions';
import { Ago, Card, useNow } from './bits';
import { count, plural, remaining, until } from './format';
import { FAILED_STATES, REMEDIES, errorName, kindWords } from './words';

/** Failed deliveries of a store, those that need a person first. Nothing is drawn if there are none. */
export function FailedCard({
  panel,
  store,
  status,
  mayChange,
  reachable,
}: {
  panel: Panel;
  store: string;
  status: Status;
  mayChange: boolean;
  reachable: boolean;
}) {
  const { failed } = status;
  const [outcome, perform, busy] = useOutcome(panel);
  if (failed.deliveries.length === 0) return outcome === null ? null : <OutcomeMessage outcome={outcome} />;
  const plus = failed.more ? '+' : '';
  const hidden = failed.retrying + failed.dead_letters - failed.deliveries.length;
  return (
    <Card title="Failed deliveries" className="failed">
      <p data-testid="failed-counts">
        <strong>
          {count(failed.attention)}
          {plus} waiting for you
        </strong>
        {`: ${plural(failed.dead_letters, 'dead letter')}${plus}, ${count(failed.retrying)}${plus} still retried by the queue.`}
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
                name={one.subject?.title ?? one.topic}
                disabled={busy || !reachable}
                onRemedy={(remedy) => perform((client) => applyRemedy(client, store, remedy, one))}
              />
            )}
          </li>
        ))}
      </ul>
      {(hidden > 0 || failed.more) && (
        <p className="faint">
          And {count(Math.max(hidden, 1))}
          {plus} more: see the deliveries below.
        </p>
      )}
      <OutcomeMessage outcome={outcome} />
    </Card>
  );
}

/** Applies a remedy to a failed delivery. Returns the server's sentence about it. */
export async function applyRemedy(
  client: Client,
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
        <span className="outcome" data-outcome={failed.state === 'retrying' ? 'waiting' : 'parked'}>
          {FAILED_STATES[failed.state] ?? failed.state}
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

/** Times of what happens next without a person. */
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
  return failed.state === 'dead_letter' ? <p className="faint">Kept for {remaining(failed.expires_at, now)}.</p> : null;
}

/** Buttons for the remedies of a failed delivery. */
export function Remedies({
  remedies,
  name,
  disabled,
  onRemedy,
}: {
  remedies: Remedy[];
  /** Name of the delivery: there may be several on the page. */
  name: string;
  disabled: boolean;
  onRemedy: (remedy: Remedy) => void;
}) {
  const [chosen, setChosen] = useState<Remedy | null>(null);
  return (
    <div className="row">
      {remedies.map((remedy) => (
        <button
          key={remedy}
          type="button"
          className="small"
          aria-label={`${REMEDIES[remedy].name}: ${name}`}
          data-testid={`remedy-${remedy}`}
          disabled={disabled}
          onClick={() => setChosen(remedy)}
        >
          {REMEDIES[remedy].name}
        </button>
      ))}
      {chosen !== null && (
        <Confirm
          question={REMEDIES[chosen].question}
          explanation={REMEDIES[chosen].explanation}
          yes={REMEDIES[chosen].name}
          onClose={() => setChosen(null)}
          onYes={() => {
            setChosen(null);
            onRemedy(chosen);
          }}
        />
      )}
    </div>
  );
}
