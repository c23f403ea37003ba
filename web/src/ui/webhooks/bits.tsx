import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { Endpoint, EventTypeInfo, MessageFate } from '../../api';
import { mayChange } from '../../data/access';
import { ApiError, type Client } from '../../data/client';
import type { Panel } from '../../data/panel';
import type { PanelState } from '../../data/state';
import type { Owner } from '../../data/webhooks-client';
import { FATE_NAMES, FATE_TONES, STATE_TONES, type Tone, stateName } from './names';

/** Context of the pages of one owner's endpoints. */
export interface Place {
  panel: Panel;
  owner: Owner;
  /** True if the principal may change the endpoints. */
  mayChange: boolean;
  /** True if the principal may decide about personal data: an admin of all stores. */
  mayDisclose: boolean;
  reachable: boolean;
  /** Types of events; empty until they have been read. */
  types: EventTypeInfo[];
  /** Addresses from which webhooks are posted; empty if they change. */
  addresses: string[];
}

export function mayChangeEndpoints({ me }: PanelState, owner: Owner): boolean {
  return owner === null ? me.role === 'admin' && me.stores.includes('*') : mayChange(me, owner);
}

export function Badge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className="outcome badge" data-tone={tone}>
      {children}
    </span>
  );
}

export function StateBadge({ endpoint }: { endpoint: Endpoint }) {
  return <Badge tone={STATE_TONES[endpoint.state] ?? 'quiet'}>{stateName(endpoint)}</Badge>;
}

export function FateBadge({ fate }: { fate: MessageFate }) {
  return <Badge tone={FATE_TONES[fate] ?? 'quiet'}>{FATE_NAMES[fate] ?? fate}</Badge>;
}

/** Error of a read. One that the banner on the connection reports is left out. */
export function ReadError({ error, reachable }: { error: ApiError | null; reachable: boolean }) {
  if (error === null || (error.status === 0 && !reachable)) return null;
  return (
    <p role="alert" className="banner bad">
      {error.message}
    </p>
  );
}

/** Performs one action at a time on behalf of a person, and keeps its error. */
export function useAction(panel: Panel): {
  busy: boolean;
  error: ApiError | null;
  /** Returns the answer, or undefined if the action failed. */
  run: <T>(action: (client: Client) => Promise<T>) => Promise<T | undefined>;
  clear: () => void;
} {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const run = async <T,>(action: (client: Client) => Promise<T>): Promise<T | undefined> => {
    setBusy(true);
    setError(null);
    try {
      return await panel.commands.act(action);
    } catch (failure) {
      setError(failure instanceof ApiError ? failure : new ApiError(0, 'The action failed. Try again.', false));
      return undefined;
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, run, clear: () => setError(null) };
}

/** Error of an action. Without a response, it may have been done or not. */
export function ActionError({ error }: { error: ApiError | null }) {
  return (
    <p role="alert" className={error === null ? 'hidden' : 'message bad'} data-testid="action-error">
      {error?.status === 0
        ? 'No answer came, so this may have been done or not. Close the dialog and look before you try again.'
        : error?.message}
    </p>
  );
}

/** Label, control and hint. */
export function Field({
  label,
  hint,
  children,
}: {
  label: string;
  hint?: string;
  children: (ids: { id: string; 'aria-describedby'?: string }) => ReactNode;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, ...(hint === undefined ? {} : { 'aria-describedby': `${id}-hint` }) })}
      {hint !== undefined && (
        <p id={`${id}-hint`} className="hint">
          {hint}
        </p>
      )}
    </div>
  );
}

export interface MenuItem {
  id: string;
  name: string;
  onSelect: () => void;
}

/** Button with three dots that opens a menu. */
export function Menu({ label, items }: { label: string; items: MenuItem[] }) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = menu.current;
    if (element === null) return undefined;
    const hide = () => element.hidePopover();
    // Before it is shown, so that it does not jump; after it is shown its height is known.
    const place = (event: Event) => {
      const { newState } = event as ToggleEvent;
      const at = button.current?.getBoundingClientRect();
      if (newState !== 'open' || at === undefined) return;
      element.style.right = `${Math.max(document.documentElement.clientWidth - at.right, 4)}px`;
      element.style.top = `${at.bottom + 2}px`;
    };
    const shown = (event: Event) => {
      if ((event as ToggleEvent).newState !== 'open') return window.removeEventListener('scroll', hide, true);
      const [at, own] = [button.current?.getBoundingClientRect(), element.getBoundingClientRect()];
      if (at !== undefined && own.bottom > window.innerHeight) {
        element.style.top = `${Math.max(at.top - own.height - 2, 4)}px`;
      }
      element.querySelector('button')?.focus({ preventScroll: true });
      return window.addEventListener('scroll', hide, true);
    };
    element.addEventListener('beforetoggle', place);
    element.addEventListener('toggle', shown);
    return () => {
      element.removeEventListener('beforetoggle', place);
      element.removeEventListener('toggle', shown);
      window.removeEventListener('scroll', hide, true);
    };
  }, []);
  const move = (event: React.KeyboardEvent) => {
    const buttons = [...(menu.current?.querySelectorAll('button') ?? [])];
    const at = buttons.findIndex((one) => one === document.activeElement);
    const targets: Partial<Record<string, number>> = {
      ArrowDown: (at + 1) % buttons.length,
      ArrowUp: (at - 1 + buttons.length) % buttons.length,
      Home: 0,
      End: buttons.length - 1,
    };
    const target = targets[event.key];
    if (event.key === 'Tab') menu.current?.hidePopover();
    if (target === undefined) return;
    event.preventDefault();
    buttons[target]?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className="small dots"
        aria-haspopup="menu"
        aria-label={label}
        popoverTarget={id}
      >
        ⋮
      </button>
      <div
        ref={menu}
        id={id}
        popover="auto"
        role="menu"
        tabIndex={-1}
        aria-label={label}
        className="menu"
        onKeyDown={move}
      >
        {items.map((item) => (
          <button
            key={item.id}
            type="button"
            role="menuitem"
            tabIndex={-1}
            data-testid={`menu-${item.id}`}
            onClick={() => {
              // The focus goes back to the button first: it returns there when the dialog closes.
              menu.current?.hidePopover();
              item.onSelect();
            }}
          >
            {item.name}
          </button>
        ))}
      </div>
    </>
  );
}
