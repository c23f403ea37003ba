import { useState } from 'react';
import type { Endpoint, EndpointTestResponse } from '../../api';
import { selectedTypes } from '../../data/catalog';
import { endpointRoute, hashOf } from '../../data/route';
import { ALL_MESSAGES } from '../../data/webhooks';
import { ActionError, Field, type Place, useAction } from './bits';
import { attemptText } from './Attempts';

/** Sends the sample of a type to an endpoint, and shows what came of it. */
export function SendTest({ place, endpoint }: { place: Place; endpoint: Endpoint }) {
  const { panel, owner, types } = place;
  const offered = selectedTypes(endpoint.settings.types, types).filter((type) => !type.endsWith('.*'));
  const named = endpoint.settings.types.filter((type) => !type.endsWith('*'));
  const choices = [...new Set([...offered, ...named])];
  const [type, setType] = useState('');
  const [store, setStore] = useState('');
  const [answer, setAnswer] = useState<EndpointTestResponse | null>(null);
  const { busy, error, run } = useAction(panel);
  const chosen = type === '' ? (choices[0] ?? '') : type;
  const send = async () => {
    setAnswer(null);
    const to = owner === null ? store.trim() : null;
    setAnswer((await run((client) => client.webhooks.test(owner, endpoint.id, chosen, to))) ?? null);
  };
  return (
    <div className="send-test">
      <Field
        label="Event"
        hint="Its sample is sent with a new id, also if the conditions of the webhook do not hold for it."
      >
        {(ids) => (
          <select {...ids} value={chosen} onChange={(event) => setType(event.target.value)}>
            {choices.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        )}
      </Field>
      {owner === null && (
        <Field label="Store" hint="The sample becomes an event of this store.">
          {(ids) => (
            <input
              {...ids}
              type="text"
              spellCheck={false}
              placeholder="demo.myshopify.com"
              value={store}
              onChange={(event) => setStore(event.target.value)}
            />
          )}
        </Field>
      )}
      <button
        type="button"
        disabled={busy || !place.reachable || chosen === '' || (owner === null && store.trim() === '')}
        onClick={() => void send()}
      >
        {busy ? 'Waiting for the answer…' : 'Send test'}
      </button>
      <ActionError error={error} />
      <div role="status" data-testid="test-result">
        {answer !== null && (
          <p className={`message ${answer.message.fate === 'sent' ? 'good' : 'bad'}`}>
            {testText(answer)}{' '}
            <a href={hashOf(endpointRoute(owner, endpoint.id, ALL_MESSAGES, answer.message.event))}>See the message</a>
          </p>
        )}
      </div>
    </div>
  );
}

export function testText({ message, waiting }: EndpointTestResponse): string {
  const last = message.attempts.at(-1);
  if (last === undefined && waiting) return `The test has not been tried yet. ${message.sentence}`;
  if (message.fate === 'sent')
    return `The endpoint has taken the test.${last === undefined ? '' : ` ${attemptText(last)}`}`;
  return last === undefined ? message.sentence : `The endpoint has not taken the test. ${attemptText(last)}`;
}
