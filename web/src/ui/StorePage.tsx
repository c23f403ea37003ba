import { Suspense, lazy, useEffect, useRef } from 'react';
import type { Places, Status } from '../api';
import { mayChange, sees } from '../data/access';
import type { Hub } from '../data/hub';
import type { HubState } from '../data/state';
import type { View } from '../data/view';
import { Actions } from './Actions';
import { Ago, Card, useNow } from './bits';
import { Delivery } from './Delivery';
import { FailedCard } from './Failed';
import { Feed } from './Feed';
import { count, percent, plural, whole } from './format';
import { Health } from './Health';
import { Notices, standing } from './Notices';
import { Search } from './Search';
import { Connection, LagCard, MissedCard, Receivers, SecretCard } from './StoreSide';
import { STAGES, TASKS } from './words';

const HourChart = lazy(() => import('./HourChart'));

export function StorePage({ hub, state, store }: { hub: Hub; state: HubState; store: string }) {
  const { view, problem, me, route } = state;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  const many = me.stores.length > 1 || me.stores.includes('*');
  return (
    <>
      <div className="page-head">
        {many && (
          <a className="back" href="#/">
            All stores
          </a>
        )}
        <h1 ref={heading} tabIndex={-1}>
          {store}
        </h1>
        {view?.status && mayChange(me, store) && (
          <Actions hub={hub} store={store} view={view} reachable={state.reachable} />
        )}
      </div>
      {problem !== null && (problem.status === 404 || state.reachable) && (
        <div className="banner bad" role="alert">
          {problem.status === 404 ? (
            <p data-testid="not-found">
              This store is not known here, or you may not see it.{' '}
              {many ? <a href="#/">See the stores you may see.</a> : null}
              {sees(me, store) && ' It shows here with its first verified webhook: check where its webhooks are sent.'}
            </p>
          ) : (
            <p>
              {problem.message}{' '}
              <button type="button" className="small" onClick={() => hub.retry()}>
                Try again
              </button>
            </p>
          )}
        </div>
      )}
      {view !== null && problem?.status !== 404 && <Known hub={hub} state={state} view={view} />}
      {view !== null && problem?.status !== 404 && route.delivery !== null && (
        <Delivery
          key={`${route.delivery.topic} ${route.delivery.id}`}
          hub={hub}
          view={view}
          delivery={route.delivery}
          mayReplay={mayChange(me, store)}
          reachable={state.reachable}
          onClose={() => hub.go({ store, delivery: null })}
        />
      )}
    </>
  );
}

function Known({ hub, state, view }: { hub: Hub; state: HubState; view: View }) {
  const { status } = view;
  // One word for one fact: before the status is there, nothing else is drawn.
  if (status === null) return state.reachable && state.problem === null ? <p className="faint">Loading…</p> : null;
  return (
    <>
      <Notices
        hub={hub}
        notices={standing(view.notices, status)}
        dismissed={state.dismissed}
        calm={status.state !== 'attention'}
      />
      <Health view={view} status={status} stale={!state.reachable} />
      <FailedCard
        hub={hub}
        store={view.store}
        status={status}
        mayChange={mayChange(state.me, view.store)}
        reachable={state.reachable}
      />
      {status.run !== null && <RunCard status={status} />}
      <Figures view={view} status={status} />
      <Card title="Events of the last 24 hours">
        <Suspense fallback={<div className="chart faint">Drawing…</div>}>
          <HourChart hours={status.hours} />
        </Suspense>
      </Card>
      <div className="columns feed-and-more">
        <Feed hub={hub} view={view} />
        <div className="stack">
          <LagCard view={view} />
          <Search hub={hub} store={view.store} reachable={state.reachable} />
          <SecretCard status={status} />
          <MissedCard status={status} />
          <Connection status={status} />
          <Receivers state={state} view={view} />
        </div>
      </div>
    </>
  );
}

function RunCard({ status }: { status: Status }) {
  const now = useNow();
  const { run } = status;
  if (run === null) return null;
  const failed = run.stage === 'failed';
  const over = failed || run.stage === 'done';
  const stuck = !over && now - Date.parse(run.at) > 10 * 60_000;
  const part = run.bytes === null || run.bytes[1] === 0 ? undefined : run.bytes[0] / run.bytes[1];
  return (
    <Card title={TASKS[run.task]} className="run">
      <div data-testid="run" data-stage={run.stage}>
        {!over && (
          <progress
            aria-label={`${TASKS[run.task]}: progress`}
            max={1}
            {...(part === undefined ? {} : { value: part })}
          />
        )}
        <p>
          {STAGES[run.stage]}
          {over && (
            <>
              {' '}
              <Ago at={run.at} />
            </>
          )}
          {': '}
          {plural(run.products, 'product')} gone through
          {!over && part !== undefined && `, ${Math.floor(part * 100)} % of the export`}. Began{' '}
          <Ago at={run.began_at} />.{stuck && ' Nothing has been heard of it for ten minutes: start it again.'}
          {failed && ' The last error says why: start it again.'}
        </p>
      </div>
    </Card>
  );
}

function known(status: Status, value: number): string {
  return `${count(value)}${status.failed.more ? '+' : ''}`;
}

function Figures({ view, status }: { view: View; status: Status }) {
  const places: Places | null = view.places;
  const missed = status.missed_24h.total;
  const changes = missed + status.events_24h.total;
  const figures: { name: string; value: React.ReactNode; hint?: string; bad?: boolean; id: string }[] = [
    { id: 'last-event', name: 'Last event', value: <Ago at={status.last_event_at} /> },
    { id: 'last-sync', name: 'Last sync', value: <Ago at={status.last_sync_at} /> },
    { id: 'events-24h', name: 'Events, 24 h', value: count(status.events_24h.total) },
    { id: 'duplicates', name: 'Duplicates dropped, 24 h', value: count(status.duplicates_dropped_24h) },
    { id: 'pending', name: 'Retrying', value: known(status, status.failed.retrying), hint: 'By itself' },
    {
      id: 'dead-letters',
      name: 'Dead letters',
      value: known(status, status.failed.dead_letters),
      hint: 'Wait for you',
      bad: status.failed.attention > 0,
    },
    {
      id: 'missed',
      name: 'Missed webhooks, 24 h',
      value:
        status.reconciled === null
          ? 'not known'
          : `${count(missed)} (${percent(changes === 0 ? 0 : missed / changes)})`,
      hint: status.reconciled === null ? 'No reconciliation has run yet' : 'Found by reconciliation, and mended',
    },
    {
      id: 'signature-failures',
      name: 'Wrong signatures, 24 h',
      value: count(status.signature_failures_24h),
      bad: status.activity === 'failing',
      ...(status.last_signature_failure_at === null ? {} : { hint: `Last ${whole(status.last_signature_failure_at)}` }),
    },
    { id: 'replayed', name: 'Replayed, 24 h', value: count(status.replayed_24h) },
    { id: 'discarded', name: 'Discarded, 24 h', value: count(status.discarded_24h), hint: 'Of no active install' },
    ...(status.partial_24h > 0
      ? [
          {
            id: 'partial',
            name: 'Indexed in part, 24 h',
            value: count(status.partial_24h),
            hint: 'For want of an access token',
          },
        ]
      : []),
    ...(places?.queues
      ? [
          {
            id: 'queues',
            name: 'Queue, all stores',
            value: `${count(places.queues.waiting)} waiting`,
            hint: `${count(places.queues.in_flight)} in flight, ${plural(places.queues.dead_letters, 'dead letter')}`,
          },
        ]
      : []),
  ];
  return (
    <section aria-label="Figures">
      <dl className="figures">
        {figures.map((figure) => (
          <div key={figure.id} data-figure={figure.id} data-bad={figure.bad ? '' : undefined}>
            <dt>{figure.name}</dt>
            <dd className="value">{figure.value}</dd>
            {figure.hint !== undefined && <dd className="hint">{figure.hint}</dd>}
          </div>
        ))}
      </dl>
    </section>
  );
}
