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
    case 'unreachable':
      return (
        <main className="boot" role="alert">
          <h1>The server does not answer</h1>
          <p>{now.message} The next try is in a few seconds.</p>
        </main>
      );
    case 'out':
      return <SignIn reason={now.reason} embedded={now.embedded} busy={busy} onToken={(token) => gate.signIn(token)} />;
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
