/**
 * Signatures of requests, by Standard Webhooks.
 *
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */

/** First check that a request fails: an absent or empty header, its time, or its signature. */
export type Refusal = 'headers' | 'timestamp' | 'signature';

/** Reads a header by its name in lower case. */
export type ReadHeader = (name: string) => string | null | undefined;

/** Checks the headers and the body of a request at a time in seconds. Returns undefined if they are right. */
export type Verify = (header: ReadHeader, body: Uint8Array, now: number) => Promise<Refusal | undefined>;

/** Number of `v1` signatures that are compared; a request with both secrets of a rotation has two. */
const MAX_SIGNATURES = 8;
const PREFIX = 'whsec_';
const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;

/**
 * Returns a check of requests: one of the first 8 `v1` signatures must be that of one of the secrets, and the time must be
 * within `tolerance` seconds of now.
 *
 * @throws TypeError if a secret is none. The error does not contain it.
 */
export function verifier(secrets: readonly string[], tolerance: number): Verify {
  const keys = secrets.map(importSecret);
  return async (header, body, now) => {
    const [id, timestamp, signatures] = [
      header('webhook-id'),
      header('webhook-timestamp'),
      header('webhook-signature'),
    ];
    if (!id || !timestamp || !signatures) return 'headers';
    if (!/^[1-9]\d{0,14}$/.test(timestamp) || Math.abs(now - Number(timestamp)) > tolerance) return 'timestamp';
    const received = signatures
      .split(' ')
      .filter((signature) => signature.startsWith('v1,'))
      .slice(0, MAX_SIGNATURES);
    for (const key of keys) {
      const expected = await signWith(await key(), id, timestamp, body);
      if (received.some((signature) => equals(expected, signature))) return undefined;
    }
    return 'signature';
  };
}

/** Signs a body as Hookline does, for tests of a handler: the value of the header `webhook-signature`. `timestamp` is in seconds. */
export async function sign(secret: string, id: string, timestamp: number, body: string | Uint8Array): Promise<string> {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  return signWith(await importSecret(secret, 0, [secret])(), id, String(timestamp), bytes);
}

async function signWith(key: CryptoKey, id: string, timestamp: string, body: Uint8Array): Promise<string> {
  const head = new TextEncoder().encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(head.length + body.length);
  signed.set(head);
  signed.set(body, head.length);
  const mac = await crypto.subtle.sign('HMAC', key, signed);
  return `v1,${btoa(String.fromCharCode(...new Uint8Array(mac)))}`;
}

/** Checks a secret now and imports it when it is first used, because some runtimes allow no work outside of requests. */
function importSecret(secret: string, index: number, all: readonly string[]): () => Promise<CryptoKey> {
  const bytes = decode(String(secret).trim().replace(PREFIX, ''));
  if (!bytes || bytes.length < MIN_SECRET_BYTES || bytes.length > MAX_SECRET_BYTES) {
    throw new TypeError(
      `hookline-webhooks: secret ${index + 1} of ${all.length} is none: expected "${PREFIX}" and the base64 of ` +
        `${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES} bytes, as Hookline shows it when an endpoint is created`,
    );
  }
  let key: Promise<CryptoKey> | undefined;
  return () => (key ??= crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']));
}

/** Bytes of a base64 text; undefined if it is none. */
function decode(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const binary = atob(text);
    // `atob` forgives spaces and absent padding.
    return btoa(binary) === text ? Uint8Array.from(binary, (letter) => letter.charCodeAt(0)) : undefined;
  } catch {
    return undefined;
  }
}

/** Compares in a time that depends on the length of the expected text alone. */
function equals(expected: string, received: string): boolean {
  let difference = expected.length ^ received.length;
  for (let at = 0; at < expected.length; at += 1) difference |= expected.charCodeAt(at) ^ received.charCodeAt(at);
  return difference === 0;
}
