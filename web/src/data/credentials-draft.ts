// Draft of an endpoint's credentials. What an endpoint has is not known here, so it is kept, removed or replaced as a whole.

import type { EndpointAuth } from '../api';

/** A credential in the dialog: kept as it is, removed, or replaced. */
export type CredentialDraft<T> = 'keep' | 'remove' | T;

export interface AuthDraft {
  token_url: string;
  client_id: string;
  client_secret: string;
  scope: string;
  credentials_in: EndpointAuth['credentials_in'];
}

export interface CertificateDraft {
  certificate: string;
  private_key: string;
}

export interface CredentialDrafts {
  auth: CredentialDraft<AuthDraft>;
  client_certificate: CredentialDraft<CertificateDraft>;
}

export interface AuthRequest extends Omit<EndpointAuth, 'scope'> {
  client_secret: string;
  scope?: string;
}

/** Members of a request: absent ones stay as they are, null removes. */
export interface CredentialsRequest {
  auth?: AuthRequest | null;
  client_certificate?: CertificateDraft | null;
}

export const NO_AUTH: AuthDraft = {
  token_url: '',
  client_id: '',
  client_secret: '',
  scope: '',
  credentials_in: 'header',
};

export const NO_CERTIFICATE: CertificateDraft = { certificate: '', private_key: '' };

/** Reads the credentials of a draft. Returns what is missing as a sentence. The server checks the rest. */
export function credentialsOf({ auth, client_certificate }: CredentialDrafts): CredentialsRequest | string {
  const request: CredentialsRequest = {};
  if (auth === 'remove') request.auth = null;
  else if (auth !== 'keep') {
    const { token_url, client_id, client_secret, scope, credentials_in } = auth;
    if (token_url.trim() === '' || client_id === '' || client_secret === '')
      return 'An authorization needs a token URL, and the id and the secret of a client.';
    request.auth = {
      ...{ kind: 'oauth2', token_url: token_url.trim(), client_id, client_secret, credentials_in },
      ...(scope.trim() === '' ? {} : { scope: scope.trim() }),
    };
  }
  if (client_certificate === 'remove') request.client_certificate = null;
  else if (client_certificate !== 'keep') {
    const { certificate, private_key } = client_certificate;
    if (certificate.trim() === '' || private_key.trim() === '')
      return 'A client certificate needs a certificate and its private key, both in PEM.';
    request.client_certificate = { certificate, private_key };
  }
  return request;
}
