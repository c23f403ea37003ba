import type { LastError, Status } from '../api';
import { hashOf } from '../data/route';
import type { StoreView } from '../data/view';
import { Ago, Dot } from './bits';
import { CONCERNS, READINGS, errorName, readingOf } from './words';

/** State of a store and its reasons, in one card so that no two parts of the page disagree. The sentences are the server's. */
export function Health({ view, status, stale }: { view: StoreView; status: Status; stale: boolean }) {
  const title = readingOf(status);
  return (
    <section className="card reading" data-testid="reading" data-state={status.state} aria-label="State of the store">
      <p className="title">
        <Dot state={status.state} quiet={title.toLowerCase().startsWith(status.state)} />{' '}
        {stale && <span className="faint">Last known:</span>} <strong data-testid="reading-title">{title}</strong>
      </p>
      {status.reasons.length === 0 ? (
        <p data-testid="why">{status.why}</p>
      ) : (
        <ul className="reasons" data-testid="why">
          {status.reasons.map((one, index) => (
            // Two errors may have the same sentence.
            // oxlint-disable-next-line react/no-array-index-key
            <li key={`${one.reason} ${index}`} data-reason={one.reason}>
              {index > 0 && <strong>{CONCERNS[one.reason] ?? 'Also'}: </strong>}
              {one.message}
              {one.advice && (
                <>
                  {' '}
                  <strong>What to do:</strong> {one.advice}
                </>
              )}
            </li>
          ))}
        </ul>
      )}
      {status.errors.length > 0 && (
        <details>
          <summary>Latest errors ({status.errors.length})</summary>
          <ul className="errors">
            {status.errors.map((error, index) => (
              <ErrorLine key={error.code} view={view} error={error} latest={index === 0} />
            ))}
          </ul>
        </details>
      )}
      <details>
        <summary>What the readings mean</summary>
        <dl className="readings">
          {READINGS.map((one) => (
            <div key={one.title}>
              <dt>
                <Dot state={one.state} quiet /> {one.title}
              </dt>
              <dd>
                {one.meaning} <strong>What to do:</strong> {one.todo}
              </dd>
            </div>
          ))}
        </dl>
      </details>
    </section>
  );
}

function ErrorLine({ view, error, latest }: { view: StoreView; error: LastError; latest: boolean }) {
  const entry = error.delivery_id ? view.deliveries.find((one) => one.id === error.delivery_id) : undefined;
  return (
    <li data-testid={latest ? 'last-error' : undefined} data-code={error.code}>
      <strong>{errorName(error.code, error.cause)}</strong>, <Ago at={error.at} />: <code>{error.message}</code>.{' '}
      <strong>What to do:</strong> {error.advice}
      {entry !== undefined && (
        <>
          {' '}
          <a href={hashOf({ store: view.store, delivery: { topic: entry.topic, id: entry.id } })}>See the delivery</a>
        </>
      )}
    </li>
  );
}
