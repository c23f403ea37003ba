import { type ReactNode, createContext, useContext, useEffect, useId, useRef, useState } from 'react';
import type { Outcome, State } from '../api';
import { ago, whole } from './format';
import { OUTCOMES, STATES } from './words';

const Now = createContext(Date.now());

/** The time, each second. */
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

/** How long ago something was; the whole time in its tooltip. */
export function Ago({ at, never = 'never' }: { at: string | null | undefined; never?: string }) {
  const now = useNow();
  if (!at) return <span className="faint">{never}</span>;
  return (
    <time dateTime={at} title={whole(at)}>
      {ago(at, now)}
    </time>
  );
}

/** A mark of its own shape and colour, and the word. */
export function Dot({ state, quiet = false }: { state: State; quiet?: boolean }) {
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

export function Fate({ outcome }: { outcome: Outcome }) {
  return (
    <span className="fate" data-outcome={outcome}>
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

/** Copies a text, and says so. */
export function Copy({ text, name }: { text: string; name: string }) {
  const [said, setSaid] = useState('');
  const copy = async () => {
    setSaid((await copied(text)) ? 'Copied' : 'Select it, and copy by hand');
    setTimeout(() => setSaid(''), 2_500);
  };
  return (
    <span className="copy">
      <button type="button" className="small" aria-label={`Copy ${name}`} onClick={() => void copy()}>
        {said === 'Copied' ? 'Copied' : 'Copy'}
      </button>
      <span role="status" className={said === 'Copied' ? 'hidden' : 'faint'}>
        {said}
      </span>
    </span>
  );
}

async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No permission, as within a frame: the way of old.
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

/** A dialog that keeps the keyboard to itself until it is closed. */
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
