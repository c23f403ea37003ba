import { useEffect, useState } from 'react';
import type { Entry, Fate as WholeFate } from '../api';
import { asSentence, Problem } from '../data/client';
import type { Hub } from '../data/hub';
import { type View, entryOf } from '../data/view';
import { Confirm, Said, useOutcome } from './Actions';
import { Ago, Copy, Dialog, Fate } from './bits';
import { subjectOf } from './Feed';
import { delay, whole } from './format';
import { Remedies, Times, remedied } from './Failed';
import { OUTCOMES, errorName, kindWords } from './words';

const LEDGER: Record<WholeFate['state'], string> = {
  claimed: 'In work, or waiting to be tried again',
  done: 'Done',
  parked: 'Parked',
  expired: 'Expired',
};

export function Delivery({
  hub,
  view,
  delivery,
  mayReplay,
  reachable,
  onClose,
}: {
  hub: Hub;
  view: View;
  delivery: { topic: string; id: string };
  mayReplay: boolean;
  reachable: boolean;
  onClose: () => void;
}) {
  const { store } = view;
  const { topic, id } = delivery;
  const entry = entryOf(view, delivery);
  const [fate, setFate] = useState<WholeFate | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [asking, setAsking] = useState(false);
  const [outcome, perform, busy] = useOutcome(hub);
  const told = entry?.at;
  // One that has failed goes on by itself.
  const seq = fate?.failed ? view.status?.seq : undefined;
  useEffect(() => {
    const leaving = new AbortController();
    hub.client.fate(store, topic, id, leaving.signal).then(
      (answer) => {
        setFate(answer);
        setProblem(null);
      },
      (failed: unknown) => {
        if (!leaving.signal.aborted && failed instanceof Problem) setProblem(failed);
      },
    );
    return () => leaving.abort();
    // Asked again whenever something is told of this delivery, and when the server answers again.
    // oxlint-disable-next-line react/exhaustive-deps, react/exhaustive-effect-dependencies
  }, [hub, store, topic, id, told, reachable, seq]);
  const latest = entry ?? fate?.entries[0];
  const entries = fate?.entries.length ? fate.entries : entry ? [entry] : [];
  const trouble =
    fate?.problem ??
    (latest?.problem ? { at: latest.at, code: latest.problem[0], cause: undefined, message: latest.problem[1] } : null);
  return (
    <Dialog title={latest ? subjectOf(latest) : 'Delivery'} onClose={onClose} className="delivery">
      <div data-testid="delivery">
        <p>
          {latest && <Fate outcome={latest.outcome} />} {latest && fate === null && OUTCOMES[latest.outcome]?.means}
        </p>
        {fate !== null && (
          <p className="meaning" data-testid="meaning">
            {asSentence(fate.meaning)}
          </p>
        )}
        {fate?.failed && <Times failed={fate.failed} />}
        {problem !== null && (problem.status !== 0 || reachable) && (
          <p role="alert" className="banner bad">
            {problem.status === 404
              ? 'Nothing is known of this delivery: it never came, or came more than 7 days ago.'
              : problem.message}
          </p>
        )}
        {trouble !== null && (
          <div className="banner bad">
            <p>
              <strong>{errorName(trouble.code, trouble.cause)}</strong>, <Ago at={trouble.at} />
            </p>
            <p>
              <code>{trouble.message}</code>
            </p>
          </div>
        )}
        {mayReplay && fate !== null && (
          <>
            {fate.actions.includes('replay') && (
              <div className="row">
                <button
                  type="button"
                  data-testid="action-replay"
                  disabled={busy || !reachable}
                  onClick={() => setAsking(true)}
                >
                  Replay
                </button>
              </div>
            )}
            <Remedies
              remedies={fate.actions.filter((action) => action !== 'replay')}
              of="this delivery"
              disabled={busy || !reachable}
              onRemedy={(remedy) => perform((client) => remedied(client, store, remedy, delivery))}
            />
          </>
        )}
        <Said outcome={outcome} />
        {latest && <Way entry={latest} />}
        <dl className="pairs">
          <Pair name="Topic" value={topic} />
          <div>
            <dt>Delivery id</dt>
            <dd>
              <code>{id}</code> <Copy text={id} name="the delivery id" />
            </dd>
          </div>
          {latest?.subject && <Pair name="About" value={`${kindWords(latest.subject.kind)} ${latest.subject.id}`} />}
          {(fate?.event_id ?? latest?.event_id) && (
            <Pair name="Event id" value={fate?.event_id ?? latest?.event_id ?? ''} />
          )}
          {fate !== null && (
            <>
              <Pair name="Ledger" value={LEDGER[fate.state] ?? fate.state} />
              <Pair name="Claimed" value={whole(fate.claimed_at)} />
              {fate.settled_at !== null && <Pair name="Settled" value={whole(fate.settled_at)} />}
              {fate.lease_until && <Pair name="Claim holds until" value={whole(fate.lease_until)} />}
              <Pair name="Remembered until" value={whole(fate.expires_at)} />
            </>
          )}
        </dl>
        {entries.length > 0 && (
          <>
            <h3>History, newest first</h3>
            <ol className="history">
              {entries.map((one) => (
                <li key={`${one.at} ${one.outcome}`}>
                  <Fate outcome={one.outcome} /> {whole(one.at)}
                  {one.replay && ', replayed'}
                  {one.problem && <span className="faint"> {errorName(one.problem[0])}</span>}
                </li>
              ))}
            </ol>
          </>
        )}
      </div>
      {asking && (
        <Confirm
          title="Replay this delivery?"
          says="It goes through the queue once more, as it came. Newer states are not overwritten."
          yes="Replay"
          onClose={() => setAsking(false)}
          onYes={() => {
            setAsking(false);
            perform(async (client) => {
              await client.replay(store, topic, id);
              return 'It is in the queue again. Its outcome shows in the feed.';
            });
          }}
        />
      )}
    </Dialog>
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

/** Stage by stage, with how long each took. */
function Way({ entry }: { entry: Entry }) {
  const stages = [
    ...(entry.triggered_at === undefined ? [] : [{ name: 'Triggered', at: entry.triggered_at }]),
    { name: 'Received', at: entry.received_at },
    { name: OUTCOMES[entry.outcome]?.name ?? entry.outcome, at: entry.at },
  ];
  return (
    <ol className="way" aria-label="Its way">
      {stages.map((stage, index) => {
        const before = stages[index - 1];
        return (
          <li key={stage.name}>
            <strong>{stage.name}</strong>
            <time dateTime={stage.at}>{whole(stage.at)}</time>
            {before && (
              <span className="faint">after {delay(Math.max(Date.parse(stage.at) - Date.parse(before.at), 0))}</span>
            )}
          </li>
        );
      })}
    </ol>
  );
}
