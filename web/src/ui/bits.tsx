import { type ReactNode, createContext, useContext, useEffect, useId, useRef, useState } from 'react';
import type { Outcome, StoreState } from '../api';
import { namedStore } from '../data/sources';
import { ago, dateTime } from './format';
import { OUTCOMES, STATES } from './words';

/** Time for which the result of a copy is shown. */
const RESULT_SHOWN_MS = 2_500;

const Now = createContext(Date.now());

/** Provides the time, updated each second. */
export function Clock({ children }: { children: ReactNode }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return <Now value={now}>{children}</Now>;
}

export function useNow(): number {
  return useContext(Now);
}

/** Time since a moment, with the date and time in a tooltip. */
export function Ago({ at, never = 'never' }: { at: string | null | undefined; never?: string }) {
  const now = useNow();
  if (!at) return <span className="faint">{never}</span>;
  return (
    <time dateTime={at} title={dateTime(at)}>
      {ago(at, now)}
    </time>
  );
}

/** Name of a store, after the mark of its source if that is not Shopify: most stores are, and say so in their name. */
export function StoreName({ store }: { store: string }) {
  const { source, sourceName, name } = namedStore(store);
  if (source === 'shopify') return <>{name}</>;
  return (
    <>
      <span className="source" data-source={source}>
        {sourceName}
      </span>{' '}
      {name}
    </>
  );
}

/** Mark of a state, by shape and colour, with its name. `quiet` hides the name from view, not from screen readers. */
export function Dot({ state, quiet = false }: { state: StoreState; quiet?: boolean }) {
  return (
    <span className="dot" data-state={state}>
      <svg aria-hidden="true" viewBox="0 0 12 12" width="12" height="12">
        {state === 'live' && <circle cx="6" cy="6" r="5" />}
        {state === 'idle' && <circle cx="6" cy="6" r="4" className="hollow" />}
        {state === 'attention' && <path d="M6 .8 11.6 11H.4z" />}
      </svg>
      <span className={quiet ? 'hidden' : undefined}>{STATES[state]}</span>
    </span>
  );
}

export function OutcomeTag({ outcome }: { outcome: Outcome }) {
  return (
    <span className="outcome" data-outcome={outcome}>
      {OUTCOMES[outcome]?.name ?? outcome}
    </span>
  );
}

export function Card({
  title,
  children,
  aside,
  className = '',
}: {
  title: string;
  children: ReactNode;
  aside?: ReactNode;
  className?: string;
}) {
  const id = useId();
  return (
    <section className={`card ${className}`} aria-labelledby={id}>
      <div className="card-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

/** Button that copies a text, and says if that worked. */
export function Copy({ text, name, onCopied }: { text: string; name: string; onCopied?: () => void }) {
  const [result, setResult] = useState('');
  const copy = async () => {
    const done = await copyText(text);
    if (done) onCopied?.();
    setResult(done ? 'Copied' : 'Select the text and copy it by hand');
    setTimeout(() => setResult(''), RESULT_SHOWN_MS);
  };
  return (
    <span className="copy">
      <button type="button" className="small" aria-label={`Copy ${name}`} onClick={() => void copy()}>
        {result === 'Copied' ? 'Copied' : 'Copy'}
      </button>
      <span role="status" className={result === 'Copied' ? 'hidden' : 'faint'}>
        {result}
      </span>
    </span>
  );
}

async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // The clipboard API needs a permission that a frame lacks. The old way does not.
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'hidden';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

/** Dialog that keeps the keyboard focus until it is closed. */
export function Dialog({
  title,
  children,
  onClose,
  className = '',
}: {
  title: string;
  children: ReactNode;
  onClose: () => void;
  className?: string;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    if (element && !element.open) element.showModal();
    return () => {
      element?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={className}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div className="card-head">
        <h2 id={id}>{title}</h2>
        <button type="button" className="small" onClick={onClose}>
          Close
        </button>
      </div>
      {children}
    </dialog>
  );
}
