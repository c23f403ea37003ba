import type { ReactNode } from 'react';
import type { Panel } from '../data/panel';
import { endpointsRoute, hashOf } from '../data/route';
import type { PanelState } from '../data/state';
import { ALL_ENDPOINTS } from '../data/webhooks';
import logo from '../hookline.svg';
import type { Link } from '../live/machine';
import { Ago } from './bits';
import { dateTime } from './format';

const LINKS: Record<Link, string> = {
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  disconnected: 'Disconnected',
};

export function Shell({
  panel,
  state,
  onSignOut,
  children,
}: {
  panel: Panel;
  state: PanelState;
  onSignOut: () => void;
  children: ReactNode;
}) {
  const { link, me } = state;
  const { store, webhooks } = state.route;
  const many = me.stores.length > 1 || me.stores.includes('*');
  return (
    <>
      <a
        className="skip"
        href="#main"
        onClick={(event) => {
          // The hash is the address of the place, so it cannot be an anchor.
          event.preventDefault();
          document.getElementById('main')?.focus();
        }}
      >
        Skip to the content
      </a>
      <header className="top">
        <a className="brand" href="#/">
          <img src={logo} alt="" width="22" height="22" />
          Hookline
        </a>
        <nav aria-label="Main">
          {many && (
            <a href="#/" aria-current={store === null && webhooks === undefined ? 'page' : undefined}>
              Stores
            </a>
          )}
          {me.role === 'admin' && me.stores.includes('*') && (
            <a
              href={hashOf(endpointsRoute(null, ALL_ENDPOINTS))}
              aria-current={store === null && webhooks !== undefined ? 'page' : undefined}
            >
              Webhooks
            </a>
          )}
        </nav>
        <p className="link" role="status" data-testid="link-state" data-link={link} title={LINK_MEANINGS[link]}>
          {LINKS[link]}
        </p>
        <p className="who" role="status" data-testid="role" title={`${me.principal}, until ${dateTime(me.expires_at)}`}>
          {me.role === 'admin' ? 'Admin' : 'Viewer'}
        </p>
        <button type="button" className="small" onClick={onSignOut}>
          Sign out
        </button>
      </header>
      <ConnectionBanner panel={panel} state={state} />
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

const LINK_MEANINGS: Record<Link, string> = {
  connecting: 'Opening the live connection.',
  live: 'Changes appear here as they happen.',
  reconnecting: 'The live connection broke. This page is opening it again.',
  disconnected: 'No live connection. This page checks every 5 seconds instead.',
};

/** Says in one sentence what is wrong with the connection. No other part of the page repeats it. */
function ConnectionBanner({ panel, state }: { panel: Panel; state: PanelState }) {
  const { link, reachable, freshAt, me } = state;
  const hasContent = state.route.store === null ? state.list.loaded : (state.view?.status ?? null) !== null;
  const mayRetry = !reachable || (link === 'disconnected' && me.live_url !== null);
  return (
    <div role="status" className="bad-link">
      {(!reachable || link === 'reconnecting' || link === 'disconnected') && (
        <p className="banner warn">
          {!reachable ? (
            <>
              The server cannot be reached. This page tries again every 5 seconds.
              {hasContent && (
                <>
                  {' '}
                  What you see is from <Ago at={freshAt} />.
                </>
              )}
            </>
          ) : link === 'reconnecting' ? (
            LINK_MEANINGS.reconnecting
          ) : (
            <>
              No live connection: this page checks every 5 seconds instead
              {me.live_url !== null && ', and goes back to live by itself'}.
            </>
          )}{' '}
          {mayRetry && (
            <button type="button" className="small" onClick={() => panel.commands.retry()}>
              Try now
            </button>
          )}
        </p>
      )}
    </div>
  );
}
