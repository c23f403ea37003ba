// Types of the HTTP API and of the WebSocket's messages, under the panel's names. All are generated from docs/openapi.json,
// which the code of the API generates: `npm run types`. Times are RFC 3339.

import type { Depths, Frame, StoreStatus } from './api.generated.ts';

export type {
  ActivityEntry,
  AdvisedError as LastError,
  AttemptCode,
  Backlogs as BacklogMode,
  ClientMessage,
  ClientSecret,
  Concern,
  ConcernCause as ConcernReason,
  Condition,
  DeliveriesResponse,
  DeliveryDetails as DeliveryDetail,
  DeliveryEvents,
  DeliveryOutcome as Outcome,
  DryRunResponse,
  Endpoint,
  EndpointAuth,
  EndpointSettings,
  EndpointState,
  EndpointStats,
  EndpointStatus,
  EndpointWhy as WhyEndpoint,
  EndpointWithSecret as EndpointSecretResponse,
  EndpointsResponse,
  ErrorCode,
  EventCounts,
  EventDetails as EventDetail,
  EventSummary,
  EventTypeDetails as EventTypeDetail,
  EventTypeSummary as EventTypeInfo,
  EventTypesResponse,
  EventsResponse,
  FailedDeliveryReport as FailedDelivery,
  FailedDeliverySummary as FailedDeliveries,
  FailureCause,
  Frame,
  HourOfStatus as HourCounts,
  Lag,
  Me,
  Message,
  MessageAttempt as Attempt,
  MessageFate,
  MessagesResponse,
  Notice,
  NoticeKind,
  Operator,
  Percentiles,
  PersonalLevel,
  Quota,
  Receiver,
  Reconciled as Reconciliation,
  RedriveResponse,
  Remedy,
  Role,
  Run,
  SearchHit,
  SearchResponse,
  Silence,
  SilenceReason,
  StatsFigures,
  StatsHour,
  Status,
  StoreState,
  StoreStatus,
  StoreSummary,
  StoresResponse,
  Subject,
  TargetVerdict,
  TestResponse as EndpointTestResponse,
  Watched as SubscriptionCheck,
  WhyResponse,
} from './api.generated.ts';

/** Fields of the status of a store that no frame carries. */
export type StatusDetails = Pick<StoreStatus, 'receivers'> & {
  /** Null for principals that may not see all stores. */
  queues: Depths | null;
};

export type SnapshotFrame = Extract<Frame, { type: 'snapshot' }>;

export type UpdateFrame = Extract<Frame, { type: 'update' }>;

const FRAME_TYPES = new Set(['snapshot', 'update', 'stores', 'access', 'revoked', 'pong', 'refused']);

/** Reads a message of the socket. Returns null if it is no frame, or one of a newer server. */
export function readFrame(text: string): Frame | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'type' in value && FRAME_TYPES.has(String(value.type))) {
      return value as Frame;
    }
  } catch {
    // Not JSON, as in some errors of the gateway.
  }
  return null;
}
