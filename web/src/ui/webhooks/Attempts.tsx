import type { Attempt } from '../../api';
import { dateTime, delay } from '../format';
import { Badge } from './bits';
import { codeName } from './names';

/** Result of an attempt in a sentence. */
export function attemptText({ took_ms, status, code, code_sentence }: Attempt): string {
  const answered = status ? `It answered ${status} in ${delay(took_ms)}.` : `No answer after ${delay(took_ms)}.`;
  return code && code_sentence ? `${answered} ${code_sentence}` : answered;
}

/** Timeline of attempts, oldest first. */
export function Attempts({ attempts }: { attempts: Attempt[] }) {
  return (
    <ol className="attempts" aria-label="Attempts">
      {attempts.map((attempt) => (
        <li key={attempt.at} data-attempt={attempt.code ?? 'sent'}>
          <time dateTime={attempt.at}>{dateTime(attempt.at)}</time>{' '}
          <Badge tone={attempt.code ? 'bad' : 'good'}>{attempt.code ? codeName(attempt.code) : 'Sent'}</Badge>
          <p>{attemptText(attempt)}</p>
          <Sent attempt={attempt} />
        </li>
      ))}
    </ol>
  );
}

/** Words of a refusal, which the server shows to admins, and the headers that were certainly sent. */
function Sent({ attempt: { excerpt, request_headers: headers } }: { attempt: Attempt }) {
  if (excerpt === null && headers === null) return null;
  return (
    <details>
      <summary>{excerpt === null ? 'Request headers' : 'What it said, and request headers'}</summary>
      {excerpt !== null && <pre className="payload">{excerpt}</pre>}
      {headers !== null && (
        <dl className="pairs">
          {headers.map(({ name, value }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value === null ? <span className="faint">not shown</span> : <code>{value}</code>}</dd>
            </div>
          ))}
        </dl>
      )}
    </details>
  );
}
