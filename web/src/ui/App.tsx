import { useEffect, useSyncExternalStore } from 'react';
import type { Gate } from '../data/gate';
import type { Hub } from '../data/hub';
import { Clock } from './bits';
import { ListPage } from './ListPage';
import { Shell } from './Shell';
import { SignIn } from './SignIn';
import { StorePage } from './StorePage';

export function App({ gate }: { gate: Gate }) {
  const { now, busy } = useSyncExternalStore(gate.subscribe, gate.snapshot);
  switch (now.at) {
    case 'opening':
      return <p className="boot">Opening the panel…</p>;
    case 'shut':
      return (
        <main className="boot" role="alert" data-testid="shut">
          <h1>{now.title}</h1>
          <p>{now.reason}</p>
          {now.reload && (
            <button type="button" onClick={() => location.reload()}>
              Reload
            </button>
          )}
        </main>
      );
    case 'unreachable':
      return (
        <main className="boot" role="alert" data-testid="unreachable">
          <h1>No answer yet</h1>
          <p>{now.message} This page tries again every few seconds.</p>
          {now.operator && (
            <button type="button" onClick={gate.otherToken}>
              Use another token
            </button>
          )}
        </main>
      );
    case 'out':
      return <SignIn reason={now.reason} busy={busy} onToken={(token) => gate.signIn(token)} />;
    case 'in':
      return (
        <Clock>
          <In hub={now.hub} onSignOut={gate.signOut} />
        </Clock>
      );
  }
}

function In({ hub, onSignOut }: { hub: Hub; onSignOut: () => void }) {
  const state = useSyncExternalStore(hub.subscribe, hub.snapshot);
  const { store } = state.route;
  useEffect(() => {
    document.title = store === null ? 'Stores · Hookline' : `${store} · Hookline`;
  }, [store]);
  return (
    <Shell hub={hub} state={state} onSignOut={onSignOut}>
      {store === null ? (
        <ListPage hub={hub} state={state} />
      ) : (
        <StorePage key={store} hub={hub} state={state} store={store} />
      )}
    </Shell>
  );
}
