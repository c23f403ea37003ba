import type { Status } from '../api';
import { asSentence } from '../data/client';
import type { HubState } from '../data/state';
import type { View } from '../data/view';
import { Ago, Card, Copy } from './bits';
import { count, delay, percent, plural, timesTold, whichInstall } from './format';

// What stands beside a store's feed.

export function LagCard({ view }: { view: View }) {
  const { lag } = view;
  const stages = [
    { name: 'Triggered to received', of: lag?.triggered_to_received },
    { name: 'Received to indexed', of: lag?.received_to_indexed },
    { name: 'In all', of: lag?.triggered_to_indexed },
  ];
  return (
    <Card title="Lag">
      {lag === null || lag.deliveries === 0 ? (
        <p className="faint">No deliveries to measure yet.</p>
      ) : (
        <table className="plain" data-testid="lag">
          <caption className="faint">
            Of the latest {plural(lag.deliveries, 'delivery', 'deliveries')}; replays are left out
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
            {stages.map(({ name, of }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td className="number">{of ? delay(of.p50) : '–'}</td>
                <td className="number">{of ? delay(of.p99) : '–'}</td>
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
  const matched =
    secret.held < 2
      ? 'The only one that is held'
      : secret.old_last_needed_at === null
        ? 'The newest of two, always'
        : 'The newest of two; at times the old one';
  return (
    <Card title="Client secret">
      <dl className="pairs" data-testid="client-secret">
        <div>
          <dt>Which one matched</dt>
          <dd>{matched}</dd>
        </div>
        {secret.held_since !== null && (
          <div>
            <dt>Two held since</dt>
            <dd>
              <Ago at={secret.held_since} />
            </dd>
          </div>
        )}
        {(secret.held > 1 || secret.old_last_needed_at !== null) && (
          <div>
            <dt>Old one last matched</dt>
            <dd>
              <Ago at={secret.old_last_needed_at} />
            </dd>
          </div>
        )}
      </dl>
      <p>{asSentence(timesTold(secret.advice))}</p>
    </Card>
  );
}

export function MissedCard({ status }: { status: Status }) {
  const rates = Object.entries(status.missed_rate).sort(([, a], [, b]) => b - a);
  const { reconciled } = status;
  return (
    <Card title="Missed webhooks">
      {reconciled === null ? (
        <p className="faint">Not known: no reconciliation has run yet. It needs an access token.</p>
      ) : (
        <>
          <p>
            The last reconciliation ended <Ago at={reconciled.ended_at} />, and compared{' '}
            {plural(reconciled.compared, 'product')}.
          </p>
          {rates.length > 0 && (
            <table className="plain">
              <caption className="faint">Of all changes of the last 24 hours</caption>
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
  const unheard = watched === null ? [] : [...watched.missing, ...watched.elsewhere];
  return (
    <Card title="Connection">
      <dl className="pairs">
        <div>
          <dt>Access token</dt>
          <dd>{status.connected ? 'Held' : 'None: the store is served from its webhooks alone'}</dd>
        </div>
        <div>
          <dt>Install</dt>
          <dd>{status.enabled ? `Installed (${whichInstall(status.epoch)})` : 'Uninstalled'}</dd>
        </div>
        {watched !== null && (
          <div>
            <dt>Subscriptions</dt>
            <dd>
              {unheard.length > 0
                ? `No subscription sends us ${unheard.join(', ')}`
                : watched.by_api
                  ? 'All there'
                  : 'The app’s own: they cannot be looked at'}
              {watched.restored.length > 0 && `; made again: ${watched.restored.join(', ')}`}, seen{' '}
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
              {count(quota.restored_per_second)} come back each second
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

export function Receivers({ state, view }: { state: HubState; view: View }) {
  const receivers = view.places?.receivers ?? state.me.receivers;
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
