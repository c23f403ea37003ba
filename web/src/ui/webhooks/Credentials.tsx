import type { ReactNode } from 'react';
import type { Endpoint } from '../../api';
import {
  type AuthDraft,
  type CertificateDraft,
  type CredentialDraft,
  type CredentialDrafts,
  NO_AUTH,
  NO_CERTIFICATE,
} from '../../data/credentials-draft';
import { dateTime } from '../format';
import { Field } from './bits';

/** Credentials that an endpoint has now. */
export type Shown = Pick<Endpoint, 'auth' | 'client_certificate'>;

/** Fields for the credentials of an endpoint: a token of OAuth 2, and a client certificate. */
export function Credentials({
  draft,
  shown,
  onChange,
}: {
  draft: CredentialDrafts;
  /** Credentials of the endpoint that is changed; null of a new one. */
  shown: Shown | null;
  onChange: (part: Partial<CredentialDrafts>) => void;
}) {
  const { auth, client_certificate } = draft;
  return (
    <>
      <Credential
        name="Authorization by a token (OAuth 2)"
        noun="authorization"
        shown={shown?.auth ? authText(shown.auth) : null}
        draft={auth}
        empty={NO_AUTH}
        onChange={(value) => onChange({ auth: value })}
      >
        {(value) => <AuthFields value={value} onChange={(part) => onChange({ auth: { ...value, ...part } })} />}
      </Credential>
      <Credential
        name="Client certificate (mTLS)"
        noun="client certificate"
        shown={shown?.client_certificate ? certificateText(shown.client_certificate) : null}
        draft={client_certificate}
        empty={NO_CERTIFICATE}
        onChange={(value) => onChange({ client_certificate: value })}
      >
        {(value) => (
          <CertificateFields
            value={value}
            onChange={(part) => onChange({ client_certificate: { ...value, ...part } })}
          />
        )}
      </Credential>
    </>
  );
}

function Credential<T extends object>({
  name,
  noun,
  shown,
  draft,
  empty,
  onChange,
  children,
}: {
  name: string;
  noun: string;
  /** Sentence about the one that the endpoint has; null if it has none. */
  shown: string | null;
  draft: CredentialDraft<T>;
  empty: T;
  onChange: (draft: CredentialDraft<T>) => void;
  children: (value: T) => ReactNode;
}) {
  const button = (text: string, to: CredentialDraft<T>) => (
    <button type="button" className="small" onClick={() => onChange(to)}>
      {text}
    </button>
  );
  return (
    <fieldset className="credential">
      <legend>{name}</legend>
      {draft === 'keep' && shown === null && button(`Add an ${noun}`.replace('an client', 'a client'), empty)}
      {draft === 'keep' && shown !== null && (
        <>
          <p>{shown} Its secret part is never shown.</p>
          <div className="row">
            {button(`Replace the ${noun}`, empty)}
            {button(`Remove the ${noun}`, 'remove')}
          </div>
        </>
      )}
      {draft === 'remove' && (
        <>
          <p>The {noun} is removed when you save.</p>
          {button('Keep it as it is', 'keep')}
        </>
      )}
      {typeof draft === 'object' && (
        <>
          {children(draft)}
          {button(shown === null ? 'Leave it out' : 'Keep the one it has', 'keep')}
        </>
      )}
    </fieldset>
  );
}

function AuthFields({ value, onChange }: { value: AuthDraft; onChange: (part: Partial<AuthDraft>) => void }) {
  return (
    <>
      <Field label="Token URL" hint="https, on a public host.">
        {(ids) => (
          <input
            {...ids}
            type="url"
            spellCheck={false}
            autoComplete="off"
            placeholder="https://login.example.com/oauth2/token"
            value={value.token_url}
            onChange={(event) => onChange({ token_url: event.target.value })}
          />
        )}
      </Field>
      <Field label="Client id">
        {(ids) => (
          <input
            {...ids}
            type="text"
            spellCheck={false}
            autoComplete="off"
            value={value.client_id}
            onChange={(event) => onChange({ client_id: event.target.value })}
          />
        )}
      </Field>
      <Field label="Client secret" hint="It is sealed, and never shown again.">
        {(ids) => (
          <input
            {...ids}
            type="password"
            autoComplete="new-password"
            value={value.client_secret}
            onChange={(event) => onChange({ client_secret: event.target.value })}
          />
        )}
      </Field>
      <Field label="Scope (optional)" hint="Words with blanks between them.">
        {(ids) => (
          <input
            {...ids}
            type="text"
            spellCheck={false}
            autoComplete="off"
            value={value.scope}
            onChange={(event) => onChange({ scope: event.target.value })}
          />
        )}
      </Field>
      <Field label="Send the client's id and secret in" hint="Take the header unless the server demands the body.">
        {(ids) => (
          <select
            {...ids}
            value={value.credentials_in}
            onChange={(event) => onChange({ credentials_in: event.target.value === 'body' ? 'body' : 'header' })}
          >
            <option value="header">the header (Basic)</option>
            <option value="body">the body</option>
          </select>
        )}
      </Field>
    </>
  );
}

function CertificateFields({
  value,
  onChange,
}: {
  value: CertificateDraft;
  onChange: (part: Partial<CertificateDraft>) => void;
}) {
  return (
    <>
      <Field label="Certificate" hint="PEM: the client's own, then those of its issuers without the root.">
        {(ids) => (
          <textarea
            {...ids}
            rows={4}
            spellCheck={false}
            autoComplete="off"
            placeholder="-----BEGIN CERTIFICATE-----"
            value={value.certificate}
            onChange={(event) => onChange({ certificate: event.target.value })}
          />
        )}
      </Field>
      <Field label="Private key" hint="PEM, not encrypted. It is sealed, and never shown again.">
        {(ids) => (
          <textarea
            {...ids}
            rows={4}
            spellCheck={false}
            autoComplete="off"
            placeholder="-----BEGIN PRIVATE KEY-----"
            value={value.private_key}
            onChange={(event) => onChange({ private_key: event.target.value })}
          />
        )}
      </Field>
    </>
  );
}

/** An authorization in a sentence. */
export function authText({ token_url, client_id, scope }: NonNullable<Endpoint['auth']>): string {
  const wanted = scope ? `, scope ${scope}` : '';
  return `A token of ${token_url} for the client ${client_id}${wanted}.`;
}

/** A client certificate in a sentence. */
export function certificateText({ subject, ends_at }: NonNullable<Endpoint['client_certificate']>): string {
  const ended = Date.parse(ends_at) <= Date.now();
  return `${subject}, ${ended ? 'which ended' : 'until'} ${dateTime(ends_at)}.`;
}
