import { type FormEvent, useState } from 'react';
import type { DryRunResponse, Endpoint, EndpointSecretResponse } from '../../api';
import type { ApiError } from '../../data/client';
import { type Draft, DraftError, NEW_SETTINGS, draftOf, patchOf, requestOf } from '../../data/endpoint-draft';
import { Dialog } from '../bits';
import { count } from '../format';
import { Advanced } from './Advanced';
import { ActionError, Field, type Place, useAction } from './bits';
import { Conditions } from './Conditions';
import { SecretDialog } from './Secret';
import { TypePicker } from './TypePicker';

/** Status of a change that is based on an older revision. */
const CHANGED_MEANWHILE = 412;

/** Dialog that creates an endpoint and then shows its secret, or changes one. */
export function EndpointForm({
  place,
  endpoint,
  onChanged,
  onClose,
}: {
  place: Place;
  /** Endpoint to change; null creates one. */
  endpoint: Endpoint | null;
  onChanged: () => void;
  onClose: () => void;
}) {
  // As it was when the dialog opened or was loaded again: the page's own copy follows the server.
  const [base, setBase] = useState(endpoint);
  const [created, setCreated] = useState<EndpointSecretResponse | null>(null);
  const { busy, error, run, clear } = useAction(place.panel);
  if (created !== null) return <SecretDialog place={place} created={created} isNew onClose={onClose} />;
  const save = async (draft: Draft) => {
    if (base === null) {
      const request = requestOf(draft);
      const answer = await run((client) => client.webhooks.create(place.owner, request));
      if (answer === undefined) return;
      setCreated(answer);
    } else {
      const patch = patchOf(base.settings, base.header_names.length > 0, draft);
      if (Object.keys(patch).length > 0) {
        const answer = await run((client) => client.webhooks.change(place.owner, base.id, base.revision, patch));
        if (answer === undefined) return;
      }
      onClose();
    }
    onChanged();
  };
  const reload = async (id: string) => {
    const answer = await run((client) => client.webhooks.read(place.owner, id));
    if (answer !== undefined) setBase(answer);
  };
  return (
    <Dialog title={base === null ? 'Create a webhook' : 'Edit the webhook'} onClose={onClose} className="endpoint-form">
      <Fields
        key={base?.revision ?? 0}
        place={place}
        base={base}
        busy={busy}
        error={error}
        clear={clear}
        onSave={save}
        onClose={onClose}
        onReload={base === null ? undefined : () => void reload(base.id)}
      />
    </Dialog>
  );
}

function Fields({
  place,
  base,
  busy,
  error,
  clear,
  onSave,
  onClose,
  onReload,
}: {
  place: Place;
  base: Endpoint | null;
  busy: boolean;
  error: ApiError | null;
  clear: () => void;
  /** Throws a `DraftError` if the draft is not complete. */
  onSave: (draft: Draft) => Promise<void>;
  onClose: () => void;
  onReload: (() => void) | undefined;
}) {
  const hadHeaders = (base?.header_names.length ?? 0) > 0;
  const [draft, setDraft] = useState(() => draftOf(base?.settings ?? NEW_SETTINGS, hadHeaders));
  const [problem, setProblem] = useState<DraftError | null>(null);
  const [advanced, setAdvanced] = useState(false);
  const change = (part: Partial<Draft>) => {
    setDraft((known) => ({ ...known, ...part }));
    setProblem(null);
    clear();
  };
  /** Does something with the draft, and says what is missing in it. */
  const attempt = async (action: () => Promise<void>) => {
    setProblem(null);
    try {
      await action();
    } catch (failure) {
      if (!(failure instanceof DraftError)) throw failure;
      setProblem(failure);
      if (failure.advanced) setAdvanced(true);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void attempt(() => onSave(draft));
  };
  const disabled = busy || !place.reachable;
  return (
    <form onSubmit={submit} noValidate>
      <Field label="URL" hint={`https, on a public host. Hookline posts each event to it${fromText(place.addresses)}.`}>
        {(ids) => (
          <input
            {...ids}
            type="url"
            value={draft.url}
            required
            spellCheck={false}
            autoComplete="off"
            placeholder="https://example.com/webhooks"
            onChange={(event) => change({ url: event.target.value })}
          />
        )}
      </Field>
      <Field label="Description (optional)">
        {(ids) => (
          <input
            {...ids}
            type="text"
            value={draft.description}
            maxLength={200}
            onChange={(event) => change({ description: event.target.value })}
          />
        )}
      </Field>
      <TypePicker
        // A raw payload is of deliveries, and other payloads of everything else.
        catalog={place.types.filter(({ resource }) => (resource === 'delivery') === (draft.format === 'raw'))}
        chosen={draft.types}
        onChange={(types) => change({ types })}
      />
      <Conditions place={place} draft={draft} onChange={(conditions) => change({ conditions })} />
      <details open={advanced} onToggle={(event) => setAdvanced(event.currentTarget.open)}>
        <summary>Advanced settings</summary>
        <Advanced
          draft={draft}
          headerNames={base?.header_names ?? []}
          credentials={base}
          mayDisclose={place.mayDisclose}
          mayForward={place.owner === null}
          onChange={change}
        />
      </details>
      <Preview key={JSON.stringify(draft)} place={place} draft={draft} disabled={disabled} attempt={attempt} />
      <p role="alert" className={problem === null ? 'hidden' : 'message bad'} data-testid="draft-problem">
        {problem?.message}
      </p>
      {error?.status === CHANGED_MEANWHILE && onReload !== undefined ? (
        <div role="alert" className="message bad" data-testid="changed-meanwhile">
          <p>Somebody has changed this webhook since you opened it, so your changes are not saved.</p>
          <button type="button" className="small" onClick={onReload}>
            Load the new version (drops your changes)
          </button>
        </div>
      ) : (
        <ActionError error={error} />
      )}
      <div className="row end">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" className="primary" disabled={disabled}>
          {base === null ? 'Create' : 'Save'}
        </button>
      </div>
    </form>
  );
}

/** Says how many of the latest events the draft would have been sent. A changed draft begins without an answer. */
function Preview({
  place,
  draft,
  disabled,
  attempt,
}: {
  place: Place;
  draft: Draft;
  disabled: boolean;
  attempt: (action: () => Promise<void>) => Promise<void>;
}) {
  const { busy, error, run } = useAction(place.panel);
  const [answer, setAnswer] = useState<DryRunResponse | null>(null);
  if (place.owner === null) {
    return <p className="hint preview">A preview needs the events of one store, so there is none for all stores.</p>;
  }
  const preview = async () => {
    const request = requestOf(draft);
    setAnswer((await run((client) => client.webhooks.preview(place.owner, request))) ?? null);
  };
  return (
    <div className="preview">
      <div className="row">
        <button type="button" disabled={disabled || busy} onClick={() => void attempt(preview)}>
          Preview
        </button>
        <p role="status" data-testid="preview">
          {answer === null ? (
            <span className="faint">How many of the latest events would have been sent?</span>
          ) : (
            previewText(answer)
          )}
        </p>
      </div>
      <ActionError error={error} />
    </div>
  );
}

/** Names the addresses that a firewall has to accept. */
export function fromText(addresses: string[]): string {
  return addresses.length === 0 ? '' : `, from ${addresses.join(', ')}`;
}

export function previewText({ would_pass, of }: DryRunResponse): string {
  if (of === 0) return 'There is nothing to compare with: the store has no kept events.';
  return `${count(would_pass)} of the latest ${count(of)} events would have been sent.`;
}
