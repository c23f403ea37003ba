// Cards beside a store's feed.

import type { Status } from '../api';
import { asSentence } from '../data/client';
import type { PanelState } from '../data/state';
import type { StoreView } from '../data/view';
import { Ago, Card, Copy } from './bits';
import { count, delay, installName, percent, plural, withReadableTimes } from './format';

export function LagCard({ view }: { view: StoreView }) {
  const { lag } = view;
  const stages = [
    { name: 'Triggered to received', percentiles: lag?.triggered_to_received },
    { name: 'Received to indexed', percentiles: lag?.received_to_indexed },
    { name: 'Total', percentiles: lag?.triggered_to_indexed },
  ];
  return (
    <Card title="Lag">
      {lag === null || lag.deliveries === 0 ? (
        <p className="faint">No deliveries to measure yet.</p>
      ) : (
        <table className="plain" data-testid="lag">
          <caption className="faint">
            Latest {plural(lag.deliveries, 'delivery', 'deliveries')}, without replays
          </caption>
          <thead>
            <tr>
              <th scope="col">Stage</th>
              <th scope="col" className="number">
                p50
              </th>
              <th scope="col" className="number">
                p99
              </th>
            </tr>
          </thead>
          <tbody>
            {stages.map(({ name, percentiles }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td className="number">{percentiles ? delay(percentiles.p50) : '–'}</td>
                <td className="number">{percentiles ? delay(percentiles.p99) : '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

export function SecretCard({ status }: { status: Status }) {
  const secret = status.client_secret;
  const matching =
    secret.held < 2
      ? 'The only one'
      : secret.old_last_needed_at === null
        ? 'Always the newer of two'
        : 'The newer of two, sometimes the old one';
  return (
    <Card title="Client secret">
      <dl className="pairs" data-testid="client-secret">
        <div>
          <dt>Secret that matches</dt>
          <dd>{matching}</dd>
        </div>
        {secret.held_since !== null && (
          <div>
            <dt>Two secrets since</dt>
            <dd>
              <Ago at={secret.held_since} />
            </dd>
          </div>
        )}
        {(secret.held > 1 || secret.old_last_needed_at !== null) && (
          <div>
            <dt>Old one last used</dt>
            <dd>
              <Ago at={secret.old_last_needed_at} />
            </dd>
          </div>
        )}
      </dl>
      <p>{asSentence(withReadableTimes(secret.advice))}</p>
    </Card>
  );
}

export function MissedCard({ status }: { status: Status }) {
  const rates = Object.entries(status.missed_rate).sort(([, a], [, b]) => b - a);
  const { reconciled } = status;
  return (
    <Card title="Missed webhooks">
      {reconciled === null ? (
        <p className="faint">Unknown: no reconciliation has run yet. It needs an access token.</p>
      ) : (
        <>
          <p>
            The last reconciliation ended <Ago at={reconciled.ended_at} /> and compared{' '}
            {plural(reconciled.compared, 'product')}.
          </p>
          {rates.length > 0 && (
            <table className="plain">
              <caption className="faint">Share of all changes in the last 24 hours</caption>
              <thead>
                <tr>
                  <th scope="col">Topic</th>
                  <th scope="col" className="number">
                    Missed
                  </th>
                  <th scope="col" className="number">
                    Rate
                  </th>
                </tr>
              </thead>
              <tbody>
                {rates.map(([topic, rate]) => (
                  <tr key={topic}>
                    <th scope="row">{topic}</th>
                    <td className="number">{count(status.missed_24h.by_topic[topic] ?? 0)}</td>
                    <td className="number">{percent(rate)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </>
      )}
    </Card>
  );
}

export function Connection({ status }: { status: Status }) {
  const { quota, watched } = status;
  const lost = watched === null ? [] : [...watched.missing, ...watched.elsewhere];
  return (
    <Card title="Connection">
      <dl className="pairs">
        <div>
          <dt>Access token</dt>
          <dd>{status.connected ? 'Stored' : 'None: Hookline knows only what the webhooks carry'}</dd>
        </div>
        <div>
          <dt>Install</dt>
          <dd>{status.enabled ? `Installed (${installName(status.epoch)})` : 'Uninstalled'}</dd>
        </div>
        {watched !== null && (
          <div>
            <dt>Subscriptions</dt>
            <dd>
              {lost.length > 0
                ? `No subscription sends us ${lost.join(', ')}`
                : watched.by_api
                  ? 'Complete'
                  : 'Made in the app’s configuration, where Hookline cannot check them'}
              {watched.restored.length > 0 && `; created again: ${watched.restored.join(', ')}`}, checked{' '}
              <Ago at={watched.at} />
            </dd>
          </div>
        )}
        {quota !== null && (
          <div>
            <dt>Admin API quota</dt>
            <dd data-testid="quota">
              <meter
                aria-label="Admin API quota left"
                min={0}
                max={quota.maximum}
                low={quota.maximum / 5}
                optimum={quota.maximum}
                value={quota.available}
              />
              {count(quota.available)} of {count(quota.maximum)} points left, <Ago at={quota.at} />;{' '}
              {count(quota.restored_per_second)} restored per second
            </dd>
          </div>
        )}
        {status.currency !== null && (
          <div>
            <dt>Currency</dt>
            <dd>{status.currency}</dd>
          </div>
        )}
      </dl>
    </Card>
  );
}

export function Receivers({ state, view }: { state: PanelState; view: StoreView }) {
  const receivers = view.details?.receivers ?? state.me.receivers;
  return (
    <Card title="Receiver URLs">
      <details>
        <summary>{plural(receivers.length, 'topic')}</summary>
        <ul className="receivers">
          {receivers.map(({ topic, url }) => (
            <li key={topic}>
              <span>
                <strong>{topic}</strong>
                <code>{url}</code>
              </span>
              <Copy text={url} name={`the URL of ${topic}`} />
            </li>
          ))}
        </ul>
      </details>
    </Card>
  );
}
