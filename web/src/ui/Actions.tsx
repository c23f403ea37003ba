import { useState } from 'react';
import type { Client } from '../data/client';
import { Problem } from '../data/client';
import type { Hub } from '../data/hub';
import type { View } from '../data/view';
import { Dialog } from './bits';

interface Action {
  id: string;
  name: string;
  title: string;
  says: string;
  run: (client: Client) => Promise<string>;
}

function actions(store: string): Action[] {
  return [
    {
      id: 'redrive',
      name: 'Redrive',
      title: 'Redrive the dead letters?',
      says: `All dead letters of ${store} go back to the queue. Remove the cause first, or they fail again.`,
      run: async (client) => {
        return (await client.redrive(store)).message;
      },
    },
    {
      id: 'resync',
      name: 'Resync',
      title: 'Read the whole catalogue again?',
      says: `Hookline reads and indexes everything in ${store} again, while webhooks go on. This takes minutes, and some of the Admin API’s quota.`,
      run: async (client) => {
        await client.resync(store);
        return 'The resync will start in a moment. Its progress shows here.';
      },
    },
    {
      id: 'reconcile',
      name: 'Reconcile',
      title: 'Compare the catalogue with the index?',
      says: `Hookline corrects what differs in ${store}, and counts the webhooks that were missed.`,
      run: async (client) => {
        await client.reconcile(store);
        return 'The reconciliation will start in a moment. Its progress shows here.';
      },
    },
  ];
}

export function Actions({ hub, store, view, reachable }: { hub: Hub; store: string; view: View; reachable: boolean }) {
  const [asked, setAsked] = useState<Action | null>(null);
  const stage = view.status?.run?.stage ?? 'done';
  const running = stage !== 'done';
  const [outcome, perform, busy] = useOutcome(hub);
  return (
    <div className="actions">
      <div className="row">
        {actions(store).map((action) => (
          <button
            key={action.id}
            type="button"
            data-testid={`action-${action.id}`}
            disabled={busy || !reachable}
            title={reachable ? undefined : 'The server cannot be reached.'}
            onClick={() => setAsked(action)}
          >
            {action.name}
          </button>
        ))}
      </div>
      <Said outcome={outcome} />
      {asked !== null && (
        <Confirm
          title={asked.title}
          says={
            asked.says + (running && asked.id !== 'redrive' ? ' A run is going on already: this may be refused.' : '')
          }
          yes={asked.name}
          onClose={() => setAsked(null)}
          onYes={() => {
            setAsked(null);
            perform(asked.run);
          }}
        />
      )}
    </div>
  );
}

export interface Outcome {
  good: boolean;
  text: string;
}

export function Said({ outcome }: { outcome: Outcome | null }) {
  return (
    <p
      role="status"
      data-testid="action-outcome"
      className={outcome === null ? 'hidden' : outcome.good ? 'said good' : 'said bad'}
    >
      {outcome?.text}
    </p>
  );
}

/** Why an action failed. Nobody knows what became of one that had no answer. */
function failure(problem: Problem): string {
  if (problem.status !== 0) return problem.message;
  return 'No answer came: it may have been done or not. See what the page shows once it is connected, then try again.';
}

/** Does something, and keeps in words what came of it. */
export function useOutcome(hub: Hub): [Outcome | null, (run: (client: Client) => Promise<string>) => void, boolean] {
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [busy, setBusy] = useState(false);
  const perform = async (run: (client: Client) => Promise<string>) => {
    setBusy(true);
    setOutcome(null);
    try {
      setOutcome({ good: true, text: await hub.act(run) });
    } catch (problem) {
      setOutcome({ good: false, text: problem instanceof Problem ? failure(problem) : 'It did not work. Try again.' });
    } finally {
      setBusy(false);
    }
  };
  return [outcome, (run) => void perform(run), busy];
}

export function Confirm({
  title,
  says,
  yes,
  onYes,
  onClose,
}: {
  title: string;
  says: string;
  yes: string;
  onYes: () => void;
  onClose: () => void;
}) {
  return (
    <Dialog title={title} onClose={onClose} className="confirm">
      <p>{says}</p>
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
