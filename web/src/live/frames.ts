// Effects of frames: each changes the state, or notifies the rest of the panel.

import type { Frame, Me, StoreSummary } from '../api';
import type { StateAccess } from '../data/state';
import { applyFrame } from '../data/view';

export interface FrameListener {
  accessChanged(me: Me): void;
  accessRevoked(): void;
  storesChanged(stores: StoreSummary[]): void;
  /** The server does not let the principal follow this place. */
  watchRefused(): void;
  storeChanged(): void;
  /** The feed has a gap that no frame fills. */
  deliveriesMissing(): void;
}

/** Takes a frame. Returns true if a snapshot is needed, because updates were missed. */
export function takeFrame(frame: Frame, state: StateAccess, listener: FrameListener): boolean {
  switch (frame.type) {
    case 'access': {
      const { role, stores, expires_at } = frame;
      listener.accessChanged({ ...state.get().me, role, stores, expires_at });
      return false;
    }
    case 'revoked':
      listener.accessRevoked();
      return false;
    case 'stores':
      listener.storesChanged(frame.stores);
      return false;
    case 'refused':
      listener.watchRefused();
      return false;
    case 'event':
    case 'event_omitted':
      // The page does not ask for events.
      return false;
    case 'snapshot':
    case 'update':
    case 'pong':
      return takeStoreFrame(frame, state, listener);
  }
}

function takeStoreFrame(frame: Frame, state: StateAccess, listener: FrameListener): boolean {
  const before = state.get().view;
  if (before === null) return false;
  const view = applyFrame(before, frame);
  if (view === before) return false;
  state.set({ view });
  const hasGap = frame.type === 'snapshot' && view.olderCursor === undefined && before.olderCursor !== undefined;
  if (hasGap) listener.deliveriesMissing();
  if (frame.type !== 'pong') listener.storeChanged();
  return view.needsSnapshot;
}
