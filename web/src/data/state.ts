// State of the panel: everything that the page draws.

import type { Me } from '../api';
import type { Link } from '../live/machine';
import type { ApiError } from './client';
import type { StoreList } from './list';
import type { Route } from './route';
import type { StoreView } from './view';

export interface PanelState {
  me: Me;
  link: Link;
  route: Route;
  /** View of the selected store; null on the list. */
  view: StoreView | null;
  /** Reason why the selected store cannot be shown. */
  error: ApiError | null;
  list: StoreList;
  listError: ApiError | null;
  /** Ids of dismissed notices. */
  dismissed: ReadonlySet<string>;
  /** True if the server answered the last request. */
  reachable: boolean;
  /** Time of the last answer. */
  freshAt: string;
}

/** Access to the state, for the parts of the panel that change it. */
export interface StateAccess {
  get(): PanelState;
  set(change: Partial<PanelState>): void;
}
