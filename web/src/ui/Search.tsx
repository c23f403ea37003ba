import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import type { SearchHit, SearchResponse } from '../api';
import { ApiError } from '../data/client';
import type { Panel } from '../data/panel';
import { Ago, Card } from './bits';
import { delay, highlightParts, plural, price } from './format';
import { kindWords } from './words';

export function Search({ panel, store, reachable }: { panel: Panel; store: string; reachable: boolean }) {
  const [q, setQ] = useState('');
  const [response, setResponse] = useState<SearchResponse | null>(null);
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const running = useRef<AbortController>(null);
  const id = useId();
  useEffect(() => () => running.current?.abort(), []);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    running.current?.abort();
    const request = new AbortController();
    running.current = request;
    setBusy(true);
    setError('');
    try {
      setResponse(await panel.commands.act((client) => client.search(store, q.trim(), request.signal)));
    } catch (failure) {
      if (request.signal.aborted) return;
      setResponse(null);
      setError(failure instanceof ApiError ? failure.message : 'The search failed. Try again.');
    }
    setBusy(false);
  };
  return (
    <Card title="Search the documents">
      <form className="search" role="search" onSubmit={(event) => void submit(event)}>
        <label htmlFor={id} className="hidden">
          What to look for
        </label>
        <input
          id={id}
          type="search"
          value={q}
          required
          maxLength={300}
          placeholder="As a customer would ask"
          onChange={(event) => setQ(event.target.value)}
        />
        <button type="submit" disabled={busy || !reachable || q.trim() === ''}>
          Search
        </button>
      </form>
      <p role="status" className="faint">
        {response === null ? '' : `${plural(response.total, 'document')} found in ${delay(response.took_ms)}`}
      </p>
      {error !== '' && reachable && (
        <p role="alert" className="message bad">
          {error}
        </p>
      )}
      {response !== null && <Results response={response} />}
    </Card>
  );
}

export function Results({ response }: { response: SearchResponse }) {
  return (
    <>
      {response.total === 0 && <p>No document matches. Draft, archived and deleted products cannot be found.</p>}
      {response.truncated && (
        <p data-testid="search-truncated">
          Some results or search words were left out. Search for fewer words to see the rest.
        </p>
      )}
      {response.results.length > 0 && (
        <ol className="hits">
          {response.results.map((hit) => (
            <Result key={`${hit.kind} ${hit.id}`} hit={hit} />
          ))}
        </ol>
      )}
    </>
  );
}

function Result({ hit }: { hit: SearchHit }) {
  const [title] = hit.highlights['title'] ?? [];
  const passage = (hit.highlights['description'] ?? hit.highlights['text'] ?? [])[0];
  const facts = [
    kindWords(hit.kind),
    ...(hit.vendor === undefined ? [] : [hit.vendor]),
    ...(hit.price_min === undefined
      ? []
      : [price(String(hit.price_min), hit.price_max && String(hit.price_max), hit.currency)]),
    ...(hit.available === undefined ? [] : [hit.available ? 'available' : 'sold out']),
  ];
  return (
    <li data-document={hit.id}>
      <strong>
        <Highlighted text={title ?? hit.title} />
      </strong>
      <span className="faint">
        {facts.join(' · ')} · changed <Ago at={hit.updated_at} />
      </span>
      {passage !== undefined && (
        <span>
          <Highlighted text={passage} />
        </span>
      )}
    </li>
  );
}

function Highlighted({ text }: { text: string }) {
  return highlightParts(text).map((part, index) =>
    // The parts of one text never change their order.
    // oxlint-disable-next-line react/no-array-index-key
    part.matches ? <mark key={index}>{part.text}</mark> : <span key={index}>{part.text}</span>,
  );
}
