import { useCallback } from 'react';
import type { Message } from '../../api';
import { ALL_MESSAGES, type Statistics, statisticsOf } from '../../data/webhooks';
import { Card } from '../bits';
import { count, delay, percent, plural } from '../format';
import { type Place, ReadError } from './bits';
import { codeName } from './names';
import { usePolled } from './polled';

/** Messages that the figures are computed from, and the size of the pages in which they are read. */
const MESSAGES = 200;
const PER_PAGE = 100;
const READ_EVERY_MS = 30_000;

/** Figures of the latest messages: the API has no statistics of its own. */
export function StatisticsCard({ place: { panel, owner, reachable }, id }: { place: Place; id: string }) {
  const read = useCallback(
    async (signal: AbortSignal): Promise<Message[]> => {
      const messages: Message[] = [];
      let cursor: string | null = null;
      // A page may have few messages and yet a next one, so the number of reads has a limit, too.
      for (let reads = 0; reads < (2 * MESSAGES) / PER_PAGE && messages.length < MESSAGES; reads += 1) {
        const limit = Math.min(PER_PAGE, MESSAGES - messages.length);
        // oxlint-disable-next-line no-await-in-loop
        const page = await panel.client.webhooks.messages(owner, id, ALL_MESSAGES, { cursor, limit }, signal);
        messages.push(...page.messages);
        cursor = page.next;
        if (cursor === null) break;
      }
      return messages;
    },
    [panel, owner, id],
  );
  const { value, error } = usePolled(read, READ_EVERY_MS);
  return (
    <Card title="Results">
      <ReadError error={error} reachable={reachable} />
      {value === null ? (
        error === null && reachable && <p className="faint">Loading…</p>
      ) : (
        <StatisticsView statistics={statisticsOf(value)} />
      )}
    </Card>
  );
}

export function StatisticsView({ statistics }: { statistics: Statistics }) {
  const { messages, sent, failed, attempts, times, errors } = statistics;
  if (messages === 0) return <p className="faint">No message has been sent or tried yet.</p>;
  const settled = sent + failed;
  return (
    <div data-testid="statistics">
      <p>
        Of the latest {plural(messages, 'message')} that were sent or tried, with {plural(attempts, 'attempt')}:
      </p>
      <dl className="pairs">
        <div>
          <dt>Success rate</dt>
          <dd>
            {settled === 0
              ? 'unknown: none is settled'
              : `${percent(sent / settled)}: ${count(sent)} sent, ${count(failed)} failed for good`}
          </dd>
        </div>
        <div>
          <dt>Response times</dt>
          <dd>
            {times === null
              ? 'unknown: no attempt was answered'
              : `p50 ${delay(times.p50)}, p95 ${delay(times.p95)}, p99 ${delay(times.p99)}, of answered attempts`}
          </dd>
        </div>
      </dl>
      {errors.length > 0 && (
        <>
          <h3>Failed attempts by cause</h3>
          <ul className="errors">
            {errors.map(({ code, sentence, count: number }) => (
              <li key={code} data-code={code}>
                <strong>
                  {count(number)} × {codeName(code)}.
                </strong>{' '}
                {sentence}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
