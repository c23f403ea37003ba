import { Suspense, lazy, useEffect, useRef } from 'react';
import type { Status } from '../api';
import { mayChange, sees } from '../data/access';
import type { Panel } from '../data/panel';
import type { PanelState } from '../data/state';
import type { StoreView } from '../data/view';
import { Actions } from './Actions';
import { Ago, Card, StoreName, useNow } from './bits';
import { Delivery } from './Delivery';
import { EventsPage, StoreTabs } from './Events';
import { FailedCard } from './Failed';
import { Feed } from './Feed';
import { count, dateTime, percent, plural } from './format';
import { Health } from './Health';
import { HourChart } from './HourChart';
import { Notices, currentNotices } from './Notices';
import { Search } from './Search';
import { Connection, LagCard, MissedCard, Receivers, SecretCard } from './StoreSide';
import { STAGES, TASKS } from './words';

const WebhooksPage = lazy(() => import('./webhooks/WebhooksPage'));

/** Time without progress after which a run counts as stuck. */
const STUCK_AFTER_MS = 10 * 60_000;

export function StorePage({ panel, state, store }: { panel: Panel; state: PanelState; store: string }) {
  const { view, error, me, route } = state;
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
          <StoreName store={store} />
        </h1>
        {view?.status && mayChange(me, store) && (
          <Actions panel={panel} store={store} view={view} reachable={state.reachable} />
        )}
      </div>
      {error !== null && (error.status === 404 || state.reachable) && (
        <div className="banner bad" role="alert">
          {error.status === 404 ? (
            <p data-testid="not-found">
              Hookline does not know this store, or you do not have access to it.{' '}
              {many ? <a href="#/">See the stores that you have access to.</a> : null}
              {sees(me, store) &&
                ' It appears here with its first verified webhook: check to which URL its webhooks are sent.'}
            </p>
          ) : (
            <p>
              {error.message}{' '}
              <button type="button" className="small" onClick={() => panel.commands.retry()}>
                Try again
              </button>
            </p>
          )}
        </div>
      )}
      {view !== null && error?.status !== 404 && (
        <>
          <StoreTabs store={store} shown={route.webhooks ? 'webhooks' : route.events ? 'events' : 'store'} />
          {route.webhooks !== undefined ? (
            <Suspense fallback={<p className="faint">Loading…</p>}>
              <WebhooksPage panel={panel} state={state} owner={store} shown={route.webhooks} />
            </Suspense>
          ) : route.events !== undefined ? (
            <EventsPage panel={panel} state={state} store={store} place={route.events} />
          ) : (
            <StoreContent panel={panel} state={state} view={view} />
          )}
        </>
      )}
      {view !== null && error?.status !== 404 && route.delivery !== null && (
        <Delivery
          key={`${route.delivery.topic} ${route.delivery.id}`}
          panel={panel}
          view={view}
          delivery={route.delivery}
          mayChange={mayChange(me, store)}
          reachable={state.reachable}
          onClose={() => panel.go({ store, delivery: null })}
        />
      )}
    </>
  );
}

function StoreContent({ panel, state, view }: { panel: Panel; state: PanelState; view: StoreView }) {
  const { status } = view;
  // Nothing else is drawn before the status has come, so that no fact is shown twice.
  if (status === null) return state.reachable && state.error === null ? <p className="faint">Loading…</p> : null;
  return (
    <>
      <Notices
        panel={panel}
        notices={currentNotices(view.notices, status)}
        dismissed={state.dismissed}
        calm={status.state !== 'attention'}
      />
      <Health view={view} status={status} stale={!state.reachable} />
      <FailedCard
        panel={panel}
        store={view.store}
        status={status}
        mayChange={mayChange(state.me, view.store)}
        reachable={state.reachable}
      />
      {status.run !== null && <RunCard status={status} />}
      <Figures view={view} status={status} />
      <Card title="Events of the last 24 hours">
        <HourChart hours={status.hours} />
      </Card>
      <div className="columns feed-and-more">
        <Feed panel={panel} view={view} />
        <div className="stack">
          <LagCard view={view} />
          <Search panel={panel} store={view.store} reachable={state.reachable} />
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
  const ended = failed || run.stage === 'done';
  const stuck = !ended && now - Date.parse(run.at) > STUCK_AFTER_MS;
  const progress = run.bytes === null || run.bytes[1] === 0 ? undefined : run.bytes[0] / run.bytes[1];
  return (
    <Card title={TASKS[run.task]} className="run">
      <div data-testid="run" data-stage={run.stage}>
        {!ended && (
          <progress
            aria-label={`${TASKS[run.task]}: progress`}
            max={1}
            {...(progress === undefined ? {} : { value: progress })}
          />
        )}
        <p>
          {STAGES[run.stage]}
          {ended && (
            <>
              {' '}
              <Ago at={run.at} />
            </>
          )}
          {': '}
          {plural(run.products, 'product')} processed
          {!ended && progress !== undefined && `, ${Math.floor(progress * 100)}% of the export`}. Started{' '}
          <Ago at={run.began_at} />.{stuck && ' It has made no progress for ten minutes: start it again.'}
          {failed && ' The last error says why. Remove the cause, then start it again.'}
        </p>
      </div>
    </Card>
  );
}

interface Figure {
  id: string;
  name: string;
  value: React.ReactNode;
  hint?: string;
  bad?: boolean;
}

export function Figures({ view, status }: { view: StoreView; status: Status }) {
  const { queues } = view.details ?? {};
  const { failed } = status;
  const plus = failed.more ? '+' : '';
  const missed = status.missed_24h.total;
  const changes = missed + status.events_24h.total;
  const figures: Figure[] = [
    { id: 'last-event', name: 'Last event', value: <Ago at={status.last_event_at} /> },
    { id: 'last-sync', name: 'Last sync', value: <Ago at={status.last_sync_at} /> },
    { id: 'events-24h', name: 'Events, 24 h', value: count(status.events_24h.total) },
    { id: 'duplicates', name: 'Duplicates dropped, 24 h', value: count(status.duplicates_dropped_24h) },
    { id: 'pending', name: 'Retrying', value: `${count(failed.retrying)}${plus}`, hint: 'By the queue' },
    {
      id: 'dead-letters',
      name: 'Dead letters',
      value: `${count(failed.dead_letters)}${plus}`,
      hint: 'Wait for you',
      bad: failed.dead_letters > 0,
    },
    {
      id: 'missed',
      name: 'Missed webhooks, 24 h',
      value:
        status.reconciled === null ? 'unknown' : `${count(missed)} (${percent(changes === 0 ? 0 : missed / changes)})`,
      hint: status.reconciled === null ? 'No reconciliation has run yet' : 'Found and corrected by reconciliation',
    },
    {
      id: 'signature-failures',
      name: 'Wrong signatures, 24 h',
      value: count(status.signature_failures_24h),
      bad: status.activity === 'failing',
      ...(status.last_signature_failure_at === null
        ? {}
        : { hint: `Last ${dateTime(status.last_signature_failure_at)}` }),
    },
    { id: 'replayed', name: 'Replayed, 24 h', value: count(status.replayed_24h) },
    { id: 'discarded', name: 'Discarded, 24 h', value: count(status.discarded_24h), hint: 'Without an active install' },
    ...(status.partial_24h > 0
      ? [
          {
            id: 'partial',
            name: 'Indexed partially, 24 h',
            value: count(status.partial_24h),
            hint: 'No access token for the rest',
          },
        ]
      : []),
    ...(status.read_behind_24h > 0
      ? [
          {
            id: 'read-behind',
            name: 'Read too early, 24 h',
            value: count(status.read_behind_24h),
            hint: "The source's answers lagged behind its webhooks",
          },
        ]
      : []),
    ...(queues
      ? [
          {
            id: 'queues',
            name: 'Queue, all stores',
            value: `${count(queues.waiting)} waiting`,
            hint: `${count(queues.in_flight)} in flight, ${plural(queues.dead_letters, 'dead letter')}`,
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
