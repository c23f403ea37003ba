import { useState } from 'react';
import type { Notice } from '../api';
import type { Hub } from '../data/hub';
import { Ago } from './bits';
import { asSentence } from '../data/client';
import { NOTICES, URGENT } from './words';

const SHOWN = 3;

export function Notices({ hub, notices, dismissed }: { hub: Hub; notices: Notice[]; dismissed: ReadonlySet<string> }) {
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
            data-urgent={URGENT.has(notice.kind) ? '' : undefined}
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
