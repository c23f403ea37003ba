import { useEffect, useMemo, useState } from 'react';
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
  const all = useTypes(panel);
  // Reports about endpoints are for the operator's endpoints, those of all stores.
  const types = useMemo(() => (owner === null ? all : all.filter(({ resource }) => resource !== 'endpoint')), [owner, all]);
  const place: Place = { panel, owner, mayChange: mayChangeEndpoints(state, owner), reachable: state.reachable, types };
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

function useTypes(panel: Panel): EventTypeInfo[] {
  const [types, setTypes] = useState<EventTypeInfo[]>([]);
  useEffect(() => {
    const leaving = new AbortController();
    panel.client.eventTypes(leaving.signal).then(
      (response) => setTypes(response.event_types),
      // Without the catalog, types are entered by their names.
      () => {},
    );
    return () => leaving.abort();
  }, [panel]);
  return types;
}
