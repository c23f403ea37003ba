import type { ReactNode } from 'react';
import type { Hub } from '../data/hub';
import type { HubState } from '../data/state';
import logo from '../hookline.svg';
import type { Link } from '../live/machine';
import { Ago } from './bits';

const LINKS: Record<Link, string> = {
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  disconnected: 'Disconnected',
};

export function Shell({
  hub,
  state,
  onSignOut,
  children,
}: {
  hub: Hub;
  state: HubState;
  onSignOut: () => void;
  children: ReactNode;
}) {
  const { link, me } = state;
  const many = me.stores.length > 1 || me.stores.includes('*');
  return (
    <>
      <a
        className="skip"
        href="#main"
        onClick={(event) => {
          // The hash says where on the page one is: it is not for this.
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
            <a href="#/" aria-current={state.route.store === null ? 'page' : undefined}>
              Stores
            </a>
          )}
        </nav>
        <p className="link" role="status" data-testid="link-state" data-link={link} title={LINK_MEANS[link]}>
          {LINKS[link]}
        </p>
        <p
          className="who"
          role="status"
          data-testid="role"
          title={`${me.principal}: until ${new Date(me.expires_at).toLocaleString()}`}
        >
          {me.role === 'admin' ? 'Admin' : 'Viewer'}
        </p>
        <button type="button" className="small" onClick={onSignOut}>
          Sign out
        </button>
      </header>
      <Bad hub={hub} state={state} />
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

const LINK_MEANS: Record<Link, string> = {
  connecting: 'The live connection is being opened.',
  live: 'Changes show here as they happen.',
  reconnecting: 'The live connection broke. It is being opened again.',
  disconnected: 'There is no live connection. This page asks every 5 seconds instead.',
};

/** What is wrong with the connection: one sentence, and no other part of the page says it again. */
function Bad({ hub, state }: { hub: Hub; state: HubState }) {
  const { link, reachable, freshAt, me } = state;
  const shows = state.route.store === null ? state.list.loaded : (state.view?.status ?? null) !== null;
  const tries = !reachable || (link === 'disconnected' && me.live_url !== null);
  return (
    <div role="status" className="bad-link">
      {(!reachable || link === 'reconnecting' || link === 'disconnected') && (
        <p className="banner warn">
          {!reachable ? (
            <>
              The server cannot be reached. This page tries again every 5 seconds.
              {shows && (
                <>
                  {' '}
                  What you see is from <Ago at={freshAt} />.
                </>
              )}
            </>
          ) : link === 'reconnecting' ? (
            'The live connection broke. It is being opened again.'
          ) : (
            <>
              No live connection: this page asks every 5 seconds instead
              {me.live_url !== null && ', and goes back to live by itself'}.
            </>
          )}{' '}
          {tries && (
            <button type="button" className="small" onClick={() => hub.retry()}>
              Try now
            </button>
          )}
        </p>
      )}
    </div>
  );
}
