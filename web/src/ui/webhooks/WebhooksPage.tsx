import { useEffect, useState } from 'react';
import type { EventTypeInfo } from '../../api';
import type { Panel } from '../../data/panel';
import type { WebhooksPlace } from '../../data/route';
import type { PanelState } from '../../data/state';
import type { Owner } from '../../data/webhooks-client';
import { type Place, mayChangeEndpoints } from './bits';
import { EndpointList } from './EndpointList';
import { EndpointPage } from './EndpointPage';

/** Outbound webhooks of a store, or of all stores. */
export default function WebhooksPage({
  panel,
  state,
  owner,
  shown,
}: {
  panel: Panel;
  state: PanelState;
  owner: Owner;
  shown: WebhooksPlace;
}) {
  const types = useTypes(panel, owner);
  const { reachable, me } = state;
  const mayChange = mayChangeEndpoints(state, owner);
  const mayDisclose = mayChangeEndpoints(state, null);
  const place: Place = { panel, owner, mayChange, mayDisclose, reachable, types, addresses: me.egress_addresses };
  if (shown.endpoint === null) return <EndpointList key={owner} place={place} filter={shown.filter} />;
  return (
    <EndpointPage
      key={`${owner ?? '*'} ${shown.endpoint}`}
      place={place}
      id={shown.endpoint}
      filter={shown.filter}
      message={shown.message}
    />
  );
}

/** Kinds of things whose events only endpoints of all stores get. */
const OPERATORS: EventTypeInfo['resource'][] = ['endpoint', 'delivery'];

/** Types of events that an endpoint of this owner may get. */
function useTypes(panel: Panel, owner: Owner): EventTypeInfo[] {
  const [types, setTypes] = useState<EventTypeInfo[]>([]);
  useEffect(() => {
    const leaving = new AbortController();
    panel.client.eventTypes(leaving.signal).then(
      ({ event_types }) =>
        setTypes(event_types.filter(({ resource }) => owner === null || !OPERATORS.includes(resource))),
      // Without the catalog, types are entered by their names.
      () => {},
    );
    return () => leaving.abort();
  }, [panel, owner]);
  return types;
}
