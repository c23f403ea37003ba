import { useCallback } from 'react';
import type { Endpoint, EndpointStatus } from '../../api';
import { endpointRoute, endpointsRoute, hashOf } from '../../data/route';
import { ALL_ENDPOINTS, type MessageFilter } from '../../data/webhooks';
import { Ago, Card, Copy, useNow } from '../bits';
import { count, dateTime, delay, until, withReadableTimes } from '../format';
import { type Place, ReadError, StateBadge } from './bits';
import { EndpointMenu, waitingText } from './EndpointMenu';
import { MessageDialog } from './MessageDialog';
import { Messages } from './Messages';
import { authText, certificateText } from './Credentials';
import { CHOICES, CHOICE_FIELDS, choiceOf, conditionText, getsPersonalData, proofText } from './names';
import { usePolled } from './polled';
import { StatisticsCard } from './StatisticsCard';

const NOT_FOUND = 404;

export function EndpointPage({
  place,
  id,
  filter,
  message,
}: {
  place: Place;
  id: string;
  filter: MessageFilter;
  /** Event of the message that is open. */
  message: string | null;
}) {
  const { panel, owner, reachable } = place;
  const endpoint = usePolled(
    useCallback((signal: AbortSignal) => panel.client.webhooks.read(owner, id, signal), [panel, owner, id]),
  );
  const status = usePolled(
    useCallback((signal: AbortSignal) => panel.client.webhooks.status(owner, id, signal), [panel, owner, id]),
  );
  const back = (
    <p className="crumb">
      <a href={hashOf(endpointsRoute(owner, ALL_ENDPOINTS))}>All webhooks</a>
    </p>
  );
  if (endpoint.error?.status === NOT_FOUND) {
    return (
      <>
        {back}
        <p className="banner bad" role="alert" data-testid="no-endpoint">
          There is no such webhook: it was deleted, or you do not have access to it.
        </p>
      </>
    );
  }
  const refresh = () => {
    endpoint.refresh();
    status.refresh();
  };
  return (
    <>
      {back}
      <ReadError error={endpoint.error} reachable={reachable} />
      {endpoint.value === null ? (
        endpoint.error === null && reachable && <p className="faint">Loading…</p>
      ) : (
        <div className="stack">
          <Health
            place={place}
            endpoint={endpoint.value}
            status={status.value}
            statusError={<ReadError error={status.error} reachable={reachable} />}
            onChanged={refresh}
          />
          <div className="columns">
            <StatisticsCard place={place} id={id} />
            <SettingsCard endpoint={endpoint.value} addresses={place.addresses} />
          </div>
          <Messages key={JSON.stringify(filter)} place={place} endpoint={endpoint.value} filter={filter} />
        </div>
      )}
      {message !== null && (
        <MessageDialog
          key={message}
          place={place}
          endpoint={id}
          event={message}
          onClose={() => panel.go(endpointRoute(owner, id, filter))}
        />
      )}
    </>
  );
}

function Health({
  place,
  endpoint,
  status,
  statusError,
  onChanged,
}: {
  place: Place;
  endpoint: Endpoint;
  status: EndpointStatus | null;
  statusError: React.ReactNode;
  onChanged: () => void;
}) {
  const { settings } = endpoint;
  return (
    <Card
      title={settings.url}
      className="endpoint"
      aside={
        place.mayChange && <EndpointMenu place={place} endpoint={endpoint} status={status} onChanged={onChanged} />
      }
    >
      <div data-testid="endpoint" data-state={endpoint.state}>
        {settings.description && <p>{settings.description}</p>}
        <p data-testid="state">
          <StateBadge endpoint={endpoint} /> {withReadableTimes(endpoint.state_sentence)}
        </p>
        {status !== null && <p data-testid="health">{withReadableTimes(status.sentence)}</p>}
        {statusError}
        {status !== null && <Figures endpoint={endpoint} status={status} />}
      </div>
    </Card>
  );
}

export function Figures({ endpoint, status }: { endpoint: Endpoint; status: EndpointStatus }) {
  const now = useNow();
  const { queue } = status;
  const isOpen = status.breaker === 'open';
  const figures: { id: string; name: string; value: React.ReactNode; hint?: string; bad?: boolean }[] = [
    { id: 'waiting', name: 'Waiting', value: queue.messages === 0 ? 'nothing' : waitingText(status) },
    { id: 'oldest', name: 'Oldest waiting', value: <Ago at={queue.oldest_at} never="none" /> },
    {
      id: 'breaker',
      name: 'Breaker',
      value: isOpen ? 'Open' : 'Closed',
      hint: isOpen ? 'It takes nothing: one attempt now and then' : 'Messages are sent as they come',
      bad: isOpen,
    },
    { id: 'next-attempt', name: 'Next attempt', value: nextText(endpoint, status, now) },
    {
      id: 'mean',
      name: 'Answers in',
      value: status.mean_ms === null ? 'unknown' : delay(status.mean_ms),
      hint: 'Mean of the latest',
    },
    {
      id: 'at-once',
      name: 'Attempts at once',
      value: count(status.at_once),
      hint: `At most ${count(endpoint.settings.max_in_flight)}`,
    },
    { id: 'success', name: 'Last success', value: <Ago at={status.last_success_at} /> },
  ];
  return (
    <dl className="figures endpoint-figures">
      {figures.map(({ id, name, value, hint, bad }) => (
        <div key={id} data-figure={id} data-bad={bad ? '' : undefined}>
          <dt>{name}</dt>
          <dd className="value">{value}</dd>
          {hint !== undefined && <dd className="hint">{hint}</dd>}
        </div>
      ))}
    </dl>
  );
}

function nextText({ state }: Endpoint, { queue, next_attempt_at }: EndpointStatus, now: number): string {
  if (state !== 'active') return 'none: not active';
  if (next_attempt_at !== null) return until(next_attempt_at, now);
  return queue.messages === 0 ? 'with the next event' : 'any moment now';
}

function SettingsCard({ endpoint, addresses }: { endpoint: Endpoint; addresses: string[] }) {
  const { settings, header_names, auth, client_certificate, public_keys, secrets } = endpoint;
  const old = secrets.filter(({ until: end }) => end !== null);
  return (
    <Card title="Settings">
      <dl className="pairs">
        <Pair name="Events">
          <code>{settings.types.join(', ')}</code>
        </Pair>
        <Pair name="Conditions">
          {settings.conditions?.length ? (
            <ul>
              {settings.conditions.map((condition) => (
                <li key={JSON.stringify(condition)}>
                  <code>{conditionText(condition)}</code>
                </li>
              ))}
            </ul>
          ) : (
            'none'
          )}
        </Pair>
        {CHOICE_FIELDS.map((field) => (
          <Pair key={field} name={CHOICES[field].name}>
            {choiceOf(field, settings[field] ?? 'none')
              .filter(Boolean)
              .join(': ')}
          </Pair>
        ))}
        {getsPersonalData(endpoint) && <Pair name="Verified">{proofText(endpoint)}</Pair>}
        <Pair name="Limits">
          {settings.timeout_seconds} s an attempt, {settings.max_in_flight} at once
          {settings.max_per_second ? `, ${count(settings.max_per_second)} per second` : ''}
        </Pair>
        <Pair name="Patience">
          A message waits {settings.keep_days} days; disabled after {settings.disable_after_days} days without a success
        </Pair>
        {header_names.length > 0 && (
          <Pair name="Headers">
            <code>{header_names.join(', ')}</code>
          </Pair>
        )}
        {addresses.length > 0 && (
          <Pair name="Posted from">
            <code>{addresses.join(', ')}</code>
          </Pair>
        )}
        {auth !== null && <Pair name="Authorization">{authText(auth)}</Pair>}
        {client_certificate !== null && <Pair name="Client certificate">{certificateText(client_certificate)}</Pair>}
        <Pair name="Secret">
          created {dateTime(secrets[0]?.created_at ?? endpoint.created_at)}
          {old.map(({ until: end }) => (
            <span key={end}>; the one before signs until {end !== null && dateTime(end)}</span>
          ))}
        </Pair>
        {settings.signatures !== 'v1' &&
          public_keys.map((key) => (
            <Pair key={key} name="Public key">
              <code>{key}</code> <Copy text={key} name="the public key" />
            </Pair>
          ))}
        <Pair name="Id">
          <code>{endpoint.id}</code> <Copy text={endpoint.id} name="the id" />
        </Pair>
        <Pair name="Created">{dateTime(endpoint.created_at)}</Pair>
      </dl>
    </Card>
  );
}

function Pair({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
