/** Receives Hookline's webhooks: verifies them, and calls your code with what happened in a store. */

export * from './events.ts';
export {
  type Callback,
  type Context,
  createWebhookHandler,
  type Failure,
  type HandlerOptions,
  type NodeResponse,
  type Skipped,
  type WebhookHandler,
} from './handler.ts';
export type { NodeRequest } from './body.ts';
export { recentIds, type Seen } from './seen.ts';
export { sign } from './verify.ts';
