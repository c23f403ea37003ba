import { useEffect, useRef, useState } from 'react';
import type { EndpointSecretResponse } from '../../api';
import { Copy, Dialog } from '../bits';
import type { Place } from './bits';
import { SendTest } from './SendTest';

/** Dialog with a new secret, which no other page shows. It closes at the second try, or once the secret has been copied. */
export function SecretDialog({
  place,
  created,
  isNew,
  onClose,
}: {
  place: Place;
  created: EndpointSecretResponse;
  isNew: boolean;
  onClose: () => void;
}) {
  const { endpoint, secret, public_key } = created;
  const [copied, setCopied] = useState(false);
  const [warned, setWarned] = useState(false);
  const begin = useRef<HTMLDivElement>(null);
  useEffect(() => begin.current?.focus(), []);
  const close = () => (copied || warned ? onClose() : setWarned(true));
  const { signatures } = endpoint.settings;
  return (
    <Dialog title={isNew ? 'The webhook is created' : 'The new secret'} onClose={close} className="secret">
      <div ref={begin} tabIndex={-1} data-testid="secret-stage">
        <p>
          This is the signing secret of <code>{endpoint.settings.url}</code>. Your receiver checks each request with it.{' '}
          <strong>It is not shown again:</strong> copy it now, and keep it as you keep passwords.
        </p>
        <p className="url secret-text" onCopy={() => setCopied(true)}>
          <code data-testid="secret">{secret}</code>{' '}
          <Copy text={secret} name="the secret" onCopied={() => setCopied(true)} />
        </p>
        {signatures !== 'v1' && (
          <>
            <p>The public key, for v1a signatures. It is no secret, and the endpoint’s page shows it.</p>
            <p className="url secret-text">
              <code>{public_key}</code> <Copy text={public_key} name="the public key" />
            </p>
          </>
        )}
        {isNew && endpoint.state === 'active' && (
          <>
            <h3>Send a test</h3>
            <SendTest place={place} endpoint={endpoint} />
          </>
        )}
        <p role="alert" className={warned && !copied ? 'message bad' : 'hidden'}>
          {warned &&
            !copied &&
            'You have not copied the secret, and it is not shown again. Press Done once more to close.'}
        </p>
        <div className="row end">
          <button type="button" className="primary" onClick={close}>
            Done
          </button>
        </div>
      </div>
    </Dialog>
  );
}
