// What the page shows, and from what.

import type { Me } from '../api';
import type { Link } from '../live/machine';
import type { Problem } from './client';
import type { StoreList } from './list';
import type { Route } from './route';
import type { View } from './view';

export interface HubState {
  me: Me;
  link: Link;
  route: Route;
  /** Of the selected store; null on the list. */
  view: View | null;
  /** Why the selected store cannot be shown. */
  problem: Problem | null;
  list: StoreList;
  listProblem: Problem | null;
  /** Notices that somebody has put away. */
  dismissed: ReadonlySet<string>;
  /** Whether the last request was answered. */
  reachable: boolean;
  /** When the page last heard anything. */
  freshAt: string;
}
