import { useState } from 'react';
import { ApiError, type Client } from '../data/client';
import type { Panel } from '../data/panel';
import type { StoreView } from '../data/view';
import { Dialog } from './bits';

interface Action {
  id: string;
  name: string;
  question: string;
  explanation: string;
  run: (client: Client) => Promise<string>;
}

function actionsOf(store: string): Action[] {
  return [
    {
      id: 'redrive',
      name: 'Redrive',
      question: 'Redrive the dead letters?',
      explanation: `All dead letters of ${store} go back to the queue. Remove the cause first, or they fail again.`,
      run: async (client) => (await client.redrive(store)).message,
    },
    {
      id: 'resync',
      name: 'Resync',
      question: 'Resync the whole catalog?',
      explanation: `Hookline reads and indexes everything in ${store} again while webhooks go on. This takes minutes, and uses some of the Admin API’s quota.`,
      run: async (client) => {
        await client.resync(store);
        return 'The resync starts in a moment. Its progress shows here.';
      },
    },
    {
      id: 'reconcile',
      name: 'Reconcile',
      question: 'Compare the catalog with the index?',
      explanation: `Hookline corrects the differences in ${store}, and counts the webhooks that were missed.`,
      run: async (client) => {
        await client.reconcile(store);
        return 'The reconciliation starts in a moment. Its progress shows here.';
      },
    },
  ];
}

export function Actions({
  panel,
  store,
  view,
  reachable,
}: {
  panel: Panel;
  store: string;
  view: StoreView;
  reachable: boolean;
}) {
  const [chosen, setChosen] = useState<Action | null>(null);
  const [outcome, perform, busy] = useOutcome(panel);
  const stage = view.status?.run?.stage ?? 'done';
  const running = stage !== 'done' && stage !== 'failed';
  const mayBeRefused = running && chosen?.id !== 'redrive';
  return (
    <div className="actions">
      <div className="row">
        {actionsOf(store).map((action) => (
          <button
            key={action.id}
            type="button"
            data-testid={`action-${action.id}`}
            disabled={busy || !reachable}
            title={reachable ? undefined : 'The server cannot be reached.'}
            onClick={() => setChosen(action)}
          >
            {action.name}
          </button>
        ))}
      </div>
      <OutcomeMessage outcome={outcome} />
      {chosen !== null && (
        <Confirm
          question={chosen.question}
          explanation={
            chosen.explanation + (mayBeRefused ? ' Another run is in progress, so the server may refuse this one.' : '')
          }
          yes={chosen.name}
          onClose={() => setChosen(null)}
          onYes={() => {
            setChosen(null);
            perform(chosen.run);
          }}
        />
      )}
    </div>
  );
}

/** Outcome of an action, in a sentence. */
export interface ActionOutcome {
  good: boolean;
  text: string;
}

export function OutcomeMessage({ outcome }: { outcome: ActionOutcome | null }) {
  return (
    <p
      role="status"
      data-testid="action-outcome"
      className={outcome === null ? 'hidden' : outcome.good ? 'message good' : 'message bad'}
    >
      {outcome?.text}
    </p>
  );
}

/** Explains why an action failed. Without a response, it may have been done or not. */
function failureText(error: unknown): string {
  if (!(error instanceof ApiError)) return 'The action failed. Try again.';
  if (error.status !== 0) return error.message;
  return 'No answer came, so the action may have been done or not. Once the page is connected again, check it before you try again.';
}

/** Performs actions, and keeps the outcome of the last one. */
export function useOutcome(
  panel: Panel,
): [ActionOutcome | null, (run: (client: Client) => Promise<string>) => void, boolean] {
  const [outcome, setOutcome] = useState<ActionOutcome | null>(null);
  const [busy, setBusy] = useState(false);
  const perform = async (run: (client: Client) => Promise<string>) => {
    setBusy(true);
    setOutcome(null);
    try {
      setOutcome({ good: true, text: await panel.commands.act(run) });
    } catch (error) {
      setOutcome({ good: false, text: failureText(error) });
    } finally {
      setBusy(false);
    }
  };
  return [outcome, (run) => void perform(run), busy];
}

export function Confirm({
  question,
  explanation,
  yes,
  onYes,
  onClose,
}: {
  question: string;
  explanation: string;
  yes: string;
  onYes: () => void;
  onClose: () => void;
}) {
  return (
    <Dialog title={question} onClose={onClose} className="confirm">
      <p>{explanation}</p>
      <div className="row end">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" className="primary" data-testid="confirm" onClick={onYes}>
          {yes}
        </button>
      </div>
    </Dialog>
  );
}
