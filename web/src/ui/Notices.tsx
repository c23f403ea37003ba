import { useState } from 'react';
import type { Notice, Status } from '../api';
import { asSentence } from '../data/client';
import type { Panel } from '../data/panel';
import { Ago } from './bits';
import { NOTICES, URGENT_NOTICES } from './words';

/** Notices shown before a click on “Show more”. */
const MAX_SHOWN = 3;

/** Filters out notices of failed deliveries that have been settled since. */
export function currentNotices(notices: Notice[], { failed }: Status): Notice[] {
  const failedKeys = new Set(failed.deliveries.map((one) => `${one.topic} ${one.id}`));
  const complete = !failed.more && failed.deliveries.length === failed.retrying + failed.dead_letters;
  return notices.filter(
    ({ kind, delivery }) =>
      kind !== 'dead_letter' ||
      delivery === undefined ||
      !complete ||
      failedKeys.has(`${delivery.topic} ${delivery.id}`),
  );
}

export function Notices({
  panel,
  notices,
  dismissed,
  calm,
}: {
  panel: Panel;
  notices: Notice[];
  dismissed: ReadonlySet<string>;
  /** True if nothing needs a person: no notice is red beside a green reading. */
  calm: boolean;
}) {
  const [all, setAll] = useState(false);
  const left = notices.filter((notice) => !dismissed.has(notice.id));
  const shown = all ? left : left.slice(0, MAX_SHOWN);
  return (
    <section aria-label="Notices" className="notices">
      <ul aria-live="polite" aria-relevant="additions">
        {shown.map((notice) => (
          <li
            key={notice.id}
            data-notice={notice.id}
            data-kind={notice.kind}
            data-urgent={URGENT_NOTICES.has(notice.kind) && !calm ? '' : undefined}
          >
            <p>
              <strong>{NOTICES[notice.kind] ?? 'Notice'}</strong> {asSentence(notice.message)}
              {notice.advice !== undefined && <> {asSentence(notice.advice)}</>} <Ago at={notice.at} />
            </p>
            <button
              type="button"
              className="small"
              aria-label={`Dismiss: ${notice.message}`}
              onClick={() => panel.commands.dismiss([notice.id])}
            >
              Dismiss
            </button>
          </li>
        ))}
      </ul>
      {left.length > 1 && (
        <p className="row">
          {left.length > MAX_SHOWN && (
            <button type="button" className="small" onClick={() => setAll(!all)}>
              {all ? 'Show fewer' : `Show ${left.length - MAX_SHOWN} more`}
            </button>
          )}
          <button
            type="button"
            className="small"
            onClick={() => panel.commands.dismiss(left.map((notice) => notice.id))}
          >
            Dismiss all
          </button>
        </p>
      )}
    </section>
  );
}
