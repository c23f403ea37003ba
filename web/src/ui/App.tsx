import { Suspense, lazy, useEffect, useRef, useSyncExternalStore } from 'react';
import type { Gate } from '../data/gate';
import type { Panel } from '../data/panel';
import type { WebhooksPlace } from '../data/route';
import type { PanelState } from '../data/state';
import { Clock } from './bits';
import { ListPage } from './ListPage';
import { Shell } from './Shell';
import { SignIn } from './SignIn';
import { StorePage } from './StorePage';

const WebhooksPage = lazy(() => import('./webhooks/WebhooksPage'));

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
  const { store, webhooks } = state.route;
  const title = store ?? (webhooks === undefined ? 'Stores' : 'Webhooks');
  useEffect(() => {
    document.title = `${title} · Hookline`;
  }, [title]);
  return (
    <Shell panel={panel} state={state} onSignOut={onSignOut}>
      {store !== null ? (
        <StorePage key={store} panel={panel} state={state} store={store} />
      ) : webhooks === undefined ? (
        <ListPage panel={panel} state={state} />
      ) : (
        <WebhooksOfAllStores panel={panel} state={state} shown={webhooks} />
      )}
    </Shell>
  );
}

function WebhooksOfAllStores({ panel, state, shown }: { panel: Panel; state: PanelState; shown: WebhooksPlace }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <>
      <div className="page-head">
        <h1 ref={heading} tabIndex={-1}>
          Webhooks of all stores
        </h1>
      </div>
      <Suspense fallback={<p className="faint">Loading…</p>}>
        <WebhooksPage panel={panel} state={state} owner={null} shown={shown} />
      </Suspense>
    </>
  );
}
