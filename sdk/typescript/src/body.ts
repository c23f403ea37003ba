/** Bodies of requests, read whole and not beyond a limit. */

/** Maximum size of a body in bytes. Hookline sends at most 256 KiB. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** A body, or the reason why there is none: it is too large, or other code has read it before. */
export type Body = Uint8Array | 'size' | 'consumed';

/** The parts of a request of Node that are used here. Express and others may have put `rawBody` or `body` there. */
export interface NodeRequest {
  readonly method?: string | undefined;
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
  readonly readableDidRead?: boolean;
  readonly readableEnded?: boolean;
  readonly rawBody?: unknown;
  readonly body?: unknown;
  on(event: string, listener: (argument: unknown) => void): unknown;
}

/** Reads the body of a Fetch request. */
export async function readFetch(request: Request): Promise<Body> {
  if (request.bodyUsed || request.body?.locked) return 'consumed';
  if (!request.body) return new Uint8Array();
  const [reader, chunks] = [request.body.getReader(), new Chunks()];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks.join();
    if (!chunks.add(value)) {
      // Not awaited: the sender may not stop.
      reader.cancel().catch(() => {});
      return 'size';
    }
  }
}

/** Reads the body of a request of Node, or takes the bytes that a parser has left in `rawBody` or `body`. */
export async function readNode(request: NodeRequest): Promise<Body> {
  for (const given of [request.rawBody, request.body]) {
    const bytes = typeof given === 'string' ? new TextEncoder().encode(given) : given;
    if (bytes instanceof Uint8Array) return bytes.length > MAX_BODY_BYTES ? 'size' : bytes;
  }
  if (request.readableDidRead || request.readableEnded) return 'consumed';
  const chunks = new Chunks();
  return new Promise((resolve, reject) => {
    // Continues to read beyond the limit, keeping nothing: the answer is sent at once, and reaches a sender that still writes.
    request.on('data', (chunk) => {
      if (!chunks.add(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : (chunk as Uint8Array)))
        resolve('size');
    });
    request.on('end', () => resolve(chunks.isTooLarge ? 'size' : chunks.join()));
    // Also emitted when the sender is gone.
    request.on('error', reject);
  });
}

class Chunks {
  private chunks: Uint8Array[] = [];
  private size = 0;

  get isTooLarge(): boolean {
    return this.size > MAX_BODY_BYTES;
  }

  /** Keeps a chunk; returns false, and forgets all, if it is one too many. */
  add(chunk: Uint8Array): boolean {
    this.size += chunk.length;
    if (this.size <= MAX_BODY_BYTES) return this.chunks.push(chunk) > 0;
    this.chunks = [];
    return false;
  }

  /** Returns what was kept. */
  join(): Uint8Array {
    const whole = new Uint8Array(this.size);
    let at = 0;
    for (const chunk of this.chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }
}
