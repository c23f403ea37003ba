import { useEffect, useSyncExternalStore } from 'react';
import type { Gate } from '../data/gate';
import type { Panel } from '../data/panel';
import { Clock } from './bits';
import { ListPage } from './ListPage';
import { Shell } from './Shell';
import { SignIn } from './SignIn';
import { StorePage } from './StorePage';

export function App({ gate }: { gate: Gate }) {
  const { screen, busy } = useSyncExternalStore(gate.subscribe, gate.snapshot);
  switch (screen.kind) {
    case 'opening':
      return <p className="boot">Opening the panel…</p>;
    case 'unavailable':
      return (
        <main className="boot" role="alert" data-testid="shut">
          <h1>{screen.title}</h1>
          <p>{screen.reason}</p>
          {screen.reload && (
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
          <p>{screen.message} This page tries again every few seconds.</p>
          {screen.operator && (
            <button type="button" onClick={gate.useAnotherToken}>
              Use another token
            </button>
          )}
        </main>
      );
    case 'signed-out':
      return <SignIn reason={screen.reason} busy={busy} onToken={(token) => gate.signIn(token)} />;
    case 'signed-in':
      return (
        <Clock>
          <SignedIn panel={screen.panel} onSignOut={gate.signOut} />
        </Clock>
      );
  }
}

function SignedIn({ panel, onSignOut }: { panel: Panel; onSignOut: () => void }) {
  const state = useSyncExternalStore(panel.subscribe, panel.snapshot);
  const { store } = state.route;
  useEffect(() => {
    document.title = store === null ? 'Stores · Hookline' : `${store} · Hookline`;
  }, [store]);
  return (
    <Shell panel={panel} state={state} onSignOut={onSignOut}>
      {store === null ? (
        <ListPage panel={panel} state={state} />
      ) : (
        <StorePage key={store} panel={panel} state={state} store={store} />
      )}
    </Shell>
  );
}
