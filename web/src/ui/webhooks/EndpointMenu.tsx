import { type ReactNode, useState } from 'react';
import type { BacklogMode, Endpoint, EndpointSecretResponse, EndpointStatus } from '../../api';
import type { Client } from '../../data/client';
import { Dialog } from '../bits';
import { plural } from '../format';
import { ActionError, Field, Menu, type MenuItem, type Place, useAction } from './bits';
import { EndpointForm } from './EndpointForm';
import { BACKLOG_MODES, getsPersonalData } from './names';
import { SecretDialog } from './Secret';
import { SendTest } from './SendTest';

type Command = 'edit' | 'pause' | 'activate' | 'test' | 'verify' | 'rotate' | 'delete';

const NAMES: Record<Command, string> = {
  edit: 'Edit',
  pause: 'Pause',
  activate: 'Activate',
  test: 'Send test',
  verify: 'Verify',
  rotate: 'Rotate the secret',
  delete: 'Delete',
};

/** Commands that an endpoint in its state takes. */
export function commandsOf(endpoint: Endpoint): Command[] {
  const verify: Command[] = getsPersonalData(endpoint) ? ['verify'] : [];
  switch (endpoint.state) {
    case 'active':
      return ['edit', 'pause', 'test', ...verify, 'rotate', 'delete'];
    case 'paused':
    case 'disabled':
      return ['edit', 'activate', ...verify, 'rotate', 'delete'];
    case 'deleting':
      return [];
  }
}

interface DialogProps {
  place: Place;
  endpoint: Endpoint;
  /** Messages that wait, if that is known. */
  status: EndpointStatus | null;
  onChanged: () => void;
  onClose: () => void;
}

/** Menu of an endpoint, and the dialogs that it opens. */
export function EndpointMenu({
  place,
  endpoint,
  status,
  onChanged,
}: Pick<DialogProps, 'place' | 'endpoint' | 'status' | 'onChanged'>) {
  const [open, setOpen] = useState<Command | null>(null);
  const commands = commandsOf(endpoint);
  const items: MenuItem[] = commands.map((id) => ({ id, name: NAMES[id], onSelect: () => setOpen(id) }));
  const props: DialogProps = { place, endpoint, status, onChanged, onClose: () => setOpen(null) };
  return (
    <>
      {items.length > 0 && <Menu label={`Actions for ${endpoint.settings.url}`} items={items} />}
      {open === 'edit' && <EndpointForm {...props} />}
      {open === 'pause' && <Pause {...props} />}
      {open === 'activate' && <Activate {...props} />}
      {open === 'test' && (
        <Dialog title="Send a test" onClose={props.onClose}>
          <SendTest place={place} endpoint={endpoint} />
        </Dialog>
      )}
      {open === 'verify' && <Verify {...props} />}
      {open === 'rotate' && <Rotate {...props} />}
      {open === 'delete' && <Delete {...props} />}
    </>
  );
}

/** Number of messages that wait, as in `1,000+ messages`. */
export function waitingText({ queue }: EndpointStatus): string {
  const text = plural(queue.messages, 'message');
  return queue.has_more ? text.replace(' ', '+ ') : text;
}

/** Says that messages wait, as in `37 messages wait`. */
function waitText(status: EndpointStatus): string {
  return `${waitingText(status)} ${status.queue.messages === 1 ? 'waits' : 'wait'}`;
}

/** Dialog of one command: it closes once the server has done it. */
function CommandDialog({
  title,
  yes,
  children,
  run,
  place,
  onChanged,
  onClose,
}: Pick<DialogProps, 'place' | 'onChanged' | 'onClose'> & {
  title: string;
  yes: string;
  children: ReactNode;
  run: (client: Client) => Promise<unknown>;
}) {
  const action = useAction(place.panel);
  const perform = async () => {
    if ((await action.run(async (client) => [await run(client)])) === undefined) return;
    onChanged();
    onClose();
  };
  return (
    <Dialog title={title} onClose={onClose} className="confirm">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void perform();
        }}
      >
        {children}
        <ActionError error={action.error} />
        <div className="row end">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="primary" data-testid="confirm" disabled={action.busy || !place.reachable}>
            {yes}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Pause(props: DialogProps) {
  const { place, endpoint } = props;
  const [reason, setReason] = useState('');
  const fate =
    endpoint.settings.when_paused === 'discard'
      ? 'Events that come meanwhile are discarded, as its settings say.'
      : `Events that come meanwhile wait, up to ${plural(endpoint.settings.keep_days, 'day')}.`;
  return (
    <CommandDialog
      {...props}
      title="Pause this webhook?"
      yes="Pause"
      run={(client) => client.webhooks.pause(place.owner, endpoint.id, reason.trim())}
    >
      <p>Nothing is sent until somebody activates it. {fate}</p>
      <Field label="Reason (optional)" hint="Others see it.">
        {(ids) => (
          <input
            {...ids}
            type="text"
            maxLength={200}
            value={reason}
            placeholder="Maintenance until 14:00"
            onChange={(event) => setReason(event.target.value)}
          />
        )}
      </Field>
    </CommandDialog>
  );
}

function Activate(props: DialogProps) {
  const { place, endpoint, status } = props;
  const [mode, setMode] = useState<BacklogMode>('send');
  return (
    <CommandDialog
      {...props}
      title="Activate this webhook?"
      yes="Activate"
      run={(client) => client.webhooks.activate(place.owner, endpoint.id, mode)}
    >
      <p>Hookline sends again. {status !== null && status.queue.messages > 0 && `${waitText(status)}.`}</p>
      <fieldset className="modes">
        <legend>What to do with the messages that wait</legend>
        {(Object.keys(BACKLOG_MODES) as BacklogMode[]).map((one) => (
          // oxlint-disable-next-line jsx-a11y/label-has-associated-control -- the rule does not see computed text
          <label key={one} className="option">
            <input type="radio" name="mode" checked={mode === one} onChange={() => setMode(one)} />
            <span>
              <strong>{BACKLOG_MODES[one].name}</strong> <span className="faint">{BACKLOG_MODES[one].meaning}</span>
            </span>
          </label>
        ))}
      </fieldset>
    </CommandDialog>
  );
}

/** Sends a challenge, and shows whether the answer repeated it. */
function Verify({ place, endpoint, onChanged, onClose }: DialogProps) {
  const { busy, error, run } = useAction(place.panel);
  const [answer, setAnswer] = useState<Endpoint | null>(null);
  const verify = async () => {
    setAnswer(null);
    const answered = await run((client) => client.webhooks.verify(place.owner, endpoint.id));
    if (answered === undefined) return;
    setAnswer(answered);
    onChanged();
  };
  return (
    <Dialog title="Verify this webhook?" onClose={onClose} className="confirm">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void verify();
        }}
      >
        <p>
          Hookline sends <code>{endpoint.settings.url}</code> a signed request with a challenge. The answer has to
          repeat it, in the header <code>webhook-challenge</code> or in the body. Only then does it get personal data.
        </p>
        <ActionError error={error} />
        <div role="status" data-testid="verified">
          {answer !== null && (
            <p className={`message ${answer.proof_failed === null && answer.proven_at !== null ? 'good' : 'bad'}`}>
              {verifiedText(answer)}
            </p>
          )}
        </div>
        <div className="row end">
          <button type="button" onClick={onClose}>
            Close
          </button>
          <button type="submit" className="primary" data-testid="confirm" disabled={busy || !place.reachable}>
            {busy ? 'Waiting for the answer…' : 'Verify'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function verifiedText({ proven_at, proof_failed }: Pick<Endpoint, 'proven_at' | 'proof_failed'>): string {
  if (proof_failed !== null) return `Not verified. ${proof_failed}`;
  if (proven_at === null) return 'No answer yet. Its page shows the result once there is one.';
  return 'Verified: the answer repeated the challenge.';
}

const MAX_OVERLAP_HOURS = 168;

function Rotate({ place, endpoint, onChanged, onClose }: DialogProps) {
  const { busy, error, run } = useAction(place.panel);
  const [hours, setHours] = useState('24');
  const [created, setCreated] = useState<EndpointSecretResponse | null>(null);
  if (created !== null) return <SecretDialog place={place} created={created} isNew={false} onClose={onClose} />;
  const valid = /^\d+$/.test(hours) && Number(hours) <= MAX_OVERLAP_HOURS;
  const rotate = async () => {
    const answer = await run((client) => client.webhooks.rotate(place.owner, endpoint.id, Number(hours)));
    if (answer === undefined) return;
    setCreated(answer);
    onChanged();
  };
  return (
    <Dialog title="Rotate the secret?" onClose={onClose} className="confirm">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void rotate();
        }}
      >
        <p>
          Hookline makes a new secret and shows it once. Meanwhile each request is signed with both, so that the
          receiver can change over without losing any.
        </p>
        <Field label="Hours for which the old secret signs, too" hint={`From 0 to ${MAX_OVERLAP_HOURS} (7 days).`}>
          {(ids) => (
            <input
              {...ids}
              type="number"
              inputMode="numeric"
              min={0}
              max={MAX_OVERLAP_HOURS}
              value={hours}
              onChange={(event) => setHours(event.target.value)}
            />
          )}
        </Field>
        <ActionError error={error} />
        <div className="row end">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="primary" data-testid="confirm" disabled={busy || !place.reachable || !valid}>
            Rotate
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Delete(props: DialogProps) {
  const { place, endpoint, status } = props;
  return (
    <CommandDialog
      {...props}
      title="Delete this webhook?"
      yes="Delete"
      run={(client) => client.webhooks.remove(place.owner, endpoint.id)}
    >
      <p>
        <code>{endpoint.settings.url}</code> gets nothing more, and its secret and its settings are gone for good.
      </p>
      <p data-testid="discarded">
        {status === null
          ? 'Messages that wait are discarded.'
          : status.queue.messages === 0
            ? 'No message waits, so none is discarded.'
            : `${waitText(status)}, and ${status.queue.messages === 1 ? 'it is' : 'all are'} discarded.`}
      </p>
    </CommandDialog>
  );
}
