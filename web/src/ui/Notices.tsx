import { useState } from 'react';
import type { Notice, Status } from '../api';
import type { Hub } from '../data/hub';
import { Ago } from './bits';
import { asSentence } from '../data/client';
import { NOTICES, URGENT } from './words';

const SHOWN = 3;

/** Notices that still hold: one of a failed delivery goes with what it tells of. */
export function standing(notices: Notice[], { failed }: Status): Notice[] {
  const named = new Set(failed.deliveries.map((one) => `${one.topic} ${one.id}`));
  const all = !failed.more && failed.deliveries.length === failed.retrying + failed.dead_letters;
  return notices.filter(
    ({ kind, delivery }) =>
      kind !== 'dead_letter' || delivery === undefined || !all || named.has(`${delivery.topic} ${delivery.id}`),
  );
}

export function Notices({
  hub,
  notices,
  dismissed,
  calm,
}: {
  hub: Hub;
  notices: Notice[];
  dismissed: ReadonlySet<string>;
  /** Nothing needs a person: then no notice is red beside a green reading. */
  calm: boolean;
}) {
  const [all, setAll] = useState(false);
  const left = notices.filter((notice) => !dismissed.has(notice.id));
  const shown = all ? left : left.slice(0, SHOWN);
  return (
    <section aria-label="Notices" className="notices">
      <ul aria-live="polite" aria-relevant="additions">
        {shown.map((notice) => (
          <li
            key={notice.id}
            data-notice={notice.id}
            data-kind={notice.kind}
            data-urgent={URGENT.has(notice.kind) && !calm ? '' : undefined}
          >
            <p>
              <strong>{NOTICES[notice.kind] ?? 'Notice'}</strong> {asSentence(notice.message)}
              {notice.advice !== undefined && <> {asSentence(notice.advice)}</>} <Ago at={notice.at} />
            </p>
            <button
              type="button"
              className="small"
              aria-label={`Dismiss: ${notice.message}`}
              onClick={() => hub.dismiss([notice.id])}
            >
              Dismiss
            </button>
          </li>
        ))}
      </ul>
      {left.length > 1 && (
        <p className="row">
          {left.length > SHOWN && (
            <button type="button" className="small" onClick={() => setAll(!all)}>
              {all ? 'Show fewer' : `Show ${left.length - SHOWN} more`}
            </button>
          )}
          <button type="button" className="small" onClick={() => hub.dismiss(left.map((notice) => notice.id))}>
            Dismiss all
          </button>
        </p>
      )}
    </section>
  );
}
