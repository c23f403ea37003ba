import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import type { Found, Hit } from '../api';
import { Problem } from '../data/client';
import type { Hub } from '../data/hub';
import { Ago, Card } from './bits';
import { pieces, plural, price } from './format';
import { kindWords } from './words';

export function Search({ hub, store, reachable }: { hub: Hub; store: string; reachable: boolean }) {
  const [q, setQ] = useState('');
  const [found, setFound] = useState<Found | null>(null);
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const asked = useRef<AbortController>(null);
  const id = useId();
  useEffect(() => () => asked.current?.abort(), []);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    asked.current?.abort();
    const mine = new AbortController();
    asked.current = mine;
    setBusy(true);
    setProblem('');
    try {
      setFound(await hub.act((client) => client.search(store, q.trim(), mine.signal)));
    } catch (failed) {
      if (mine.signal.aborted) return;
      setFound(null);
      setProblem(failed instanceof Problem ? failed.message : 'It did not work. Try again.');
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
        {found === null ? '' : `${plural(found.total, 'document')} found, in ${found.took_ms} ms`}
      </p>
      {problem !== '' && reachable && (
        <p role="alert" className="said bad">
          {problem}
        </p>
      )}
      {found?.total === 0 && <p>Nothing fits. A draft, an archived or a deleted product is not found.</p>}
      {found !== null && found.results.length > 0 && (
        <ol className="hits">
          {found.results.map((hit) => (
            <Result key={`${hit.kind} ${hit.id}`} hit={hit} />
          ))}
        </ol>
      )}
    </Card>
  );
}

function Result({ hit }: { hit: Hit }) {
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
        <Marked text={title ?? hit.title} />
      </strong>
      <span className="faint">
        {facts.join(' · ')} · changed <Ago at={hit.updated_at} />
      </span>
      {passage !== undefined && (
        <span>
          <Marked text={passage} />
        </span>
      )}
    </li>
  );
}

function Marked({ text }: { text: string }) {
  return pieces(text).map((piece, index) =>
    // The pieces of one text never change their order.
    // oxlint-disable-next-line react/no-array-index-key
    piece.fits ? <mark key={index}>{piece.text}</mark> : <span key={index}>{piece.text}</span>,
  );
}
