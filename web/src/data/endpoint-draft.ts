// Draft of an endpoint: the fields of the dialog as texts, and the settings that they stand for.

import type { Condition, EndpointSettings, Operator, PersonalLevel } from '../api';
import { type CredentialDrafts, type CredentialsRequest, credentialsOf } from './credentials-draft';

export interface ConditionDraft {
  path: string;
  op: Operator;
  text: string;
  /** Condition that the draft was made from, sent as it is while nothing of it changes. */
  from: Condition | null;
}

export interface Header {
  name: string;
  value: string;
}

export interface Draft extends CredentialDrafts {
  url: string;
  description: string;
  types: string[];
  conditions: ConditionDraft[];
  ordering: EndpointSettings['ordering'];
  when_paused: EndpointSettings['when_paused'];
  format: EndpointSettings['format'];
  signatures: EndpointSettings['signatures'];
  personal: PersonalLevel;
  timeout_seconds: string;
  max_in_flight: string;
  max_per_second: string;
  keep_days: string;
  disable_after_days: string;
  /** Null keeps the headers that the endpoint has; their values are not known here. */
  headers: Header[] | null;
}

export interface EndpointRequest extends CredentialsRequest {
  settings: EndpointSettings;
  headers?: Record<string, string>;
}

/** Merge patch: a setting that is null gets its default; headers and credentials that are null are removed, others replace all. */
export interface EndpointPatch extends CredentialsRequest {
  settings?: Record<string, unknown>;
  headers?: Record<string, string> | null;
}

/** Numbers of the settings with their ranges, and their names in the dialog. */
export const NUMBERS = {
  timeout_seconds: { name: 'Time limit of an attempt, in seconds', least: 1, most: 30 },
  max_in_flight: { name: 'Most attempts at once', least: 1, most: 50 },
  max_per_second: { name: 'Most attempts per second', least: 1, most: 1_000 },
  keep_days: { name: 'Days for which a message waits', least: 1, most: 14 },
  disable_after_days: { name: 'Disable after days without a success', least: 1, most: 14 },
} as const;

export type NumberField = keyof typeof NUMBERS;

export const NUMBER_FIELDS = Object.keys(NUMBERS) as NumberField[];

const MAX_TYPES = 20;
export const MAX_CONDITIONS = 10;

/** Defaults of the server. */
export const NEW_SETTINGS: EndpointSettings = {
  url: '',
  types: [],
  ordering: 'none',
  when_paused: 'queue',
  format: 'full',
  signatures: 'v1',
  timeout_seconds: 10,
  max_in_flight: 10,
  keep_days: 7,
  disable_after_days: 5,
};

export function draftOf(settings: EndpointSettings, hasHeaders: boolean): Draft {
  const { url, types, ordering, when_paused, format, signatures } = settings;
  return {
    ...{ url, types, ordering, when_paused, format, signatures },
    personal: settings.personal ?? 'none',
    description: settings.description ?? '',
    conditions: (settings.conditions ?? []).map((from) => ({
      path: from.path ?? '',
      op: from.op,
      text: valueText(from.value),
      from,
    })),
    timeout_seconds: String(settings.timeout_seconds),
    max_in_flight: String(settings.max_in_flight),
    max_per_second: String(settings.max_per_second ?? ''),
    keep_days: String(settings.keep_days),
    disable_after_days: String(settings.disable_after_days),
    headers: hasHeaders ? null : [],
    ...{ auth: 'keep', client_certificate: 'keep' },
  };
}

/** Changes that a choice brings: a raw payload is of deliveries alone, with all personal data. */
export function choiceMade(draft: Draft, field: string, value: string): Partial<Draft> {
  const isRaw = (format: string) => format === 'raw';
  if (field === 'format' && isRaw(value)) return { format: 'raw', types: ['delivery.received'], personal: 'full' };
  if (field === 'format' && isRaw(draft.format)) return { format: value as Draft['format'], types: [] };
  return { [field]: value };
}

/** A draft that is not complete: a sentence for the person, and if the field is one of the advanced ones. */
export class DraftError extends Error {
  constructor(
    message: string,
    readonly advanced = false,
  ) {
    super(message);
    this.name = 'DraftError';
  }
}

/** Reads the settings of a draft. Throws a `DraftError`. The server checks the rest. */
export function settingsOf(draft: Draft): EndpointSettings {
  const url = draft.url.trim();
  if (url === '') throw new DraftError('Enter the URL to which the events are sent.');
  if (draft.types.length === 0) throw new DraftError('Choose at least one type of events.');
  if (draft.types.length > MAX_TYPES)
    throw new DraftError(`Choose at most ${MAX_TYPES} types, or a whole group of them, as in product.*.`);
  const { ordering, when_paused, format, signatures, personal } = draft;
  const description = draft.description.trim();
  const conditions = draft.conditions.map(conditionOf);
  const rate = draft.max_per_second.trim();
  return {
    url,
    ...(description === '' ? {} : { description }),
    types: draft.types,
    ...(conditions.length === 0 ? {} : { conditions }),
    ...{ ordering, when_paused, format, signatures },
    ...(personal === 'none' ? {} : { personal }),
    timeout_seconds: numberOf(draft, 'timeout_seconds'),
    max_in_flight: numberOf(draft, 'max_in_flight'),
    ...(rate === '' ? {} : { max_per_second: numberOf(draft, 'max_per_second') }),
    keep_days: numberOf(draft, 'keep_days'),
    disable_after_days: numberOf(draft, 'disable_after_days'),
  };
}

function numberOf(draft: Draft, field: NumberField): number {
  const { name, least, most } = NUMBERS[field];
  const text = draft[field].trim();
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new DraftError(`${name}: enter a whole number from ${least} to ${most}.`, true);
  return value;
}

/** Reads the custom headers of a draft; undefined if they stay as they are. Throws a `DraftError`. */
export function headersOf({ headers }: Draft): Record<string, string> | undefined {
  if (headers === null) return undefined;
  const given = headers.filter(({ name, value }) => name.trim() !== '' || value !== '');
  if (given.some(({ name, value }) => name.trim() === '' || value === ''))
    throw new DraftError('A custom header needs a name and a value.', true);
  const names = given.map(({ name }) => name.trim().toLowerCase());
  if (new Set(names).size < names.length) throw new DraftError('Two custom headers have the same name.', true);
  return Object.fromEntries(given.map(({ name, value }) => [name.trim(), value]));
}

function givenCredentials(draft: Draft): CredentialsRequest {
  const given = credentialsOf(draft);
  if (typeof given === 'string') throw new DraftError(given, true);
  return given;
}

/** Returns the body that creates the endpoint of a draft. Throws a `DraftError`. */
export function requestOf(draft: Draft): EndpointRequest {
  const [settings, headers] = [settingsOf(draft), headersOf(draft)];
  const request = { settings, ...givenCredentials(draft) };
  return headers === undefined || Object.keys(headers).length === 0 ? request : { ...request, headers };
}

/**
 * Returns the merge patch from settings to a draft; empty if nothing differs. Throws a `DraftError`. A setting that no draft
 * has, as one of a newer server, stays as it is.
 */
export function patchOf(from: EndpointSettings, hadHeaders: boolean, draft: Draft): EndpointPatch {
  const [before, after] = [settingsOf(draftOf(from, hadHeaders)), settingsOf(draft)];
  const settings: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof EndpointSettings>) {
    const [old, value] = [orNull(before[key]), orNull(after[key])];
    if (JSON.stringify(old) !== JSON.stringify(value)) settings[key] = value;
  }
  const patch: EndpointPatch = {
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
    ...givenCredentials(draft),
  };
  const headers = headersOf(draft);
  if (headers === undefined) return patch;
  const none = Object.keys(headers).length === 0;
  if (!none) patch.headers = headers;
  else if (hadHeaders) patch.headers = null;
  return patch;
}

/** Returns a setting, or null for one that is empty: the server leaves these out. */
function orNull(value: unknown): unknown {
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0) ? null : value;
}

/**
 * Reads the condition of a draft. `true` and `false` are truth values, anything else is a text: the server compares a decimal
 * text by its value, and ids exceed 2^53. In quotes, everything is a text. Throws a `DraftError`.
 */
export function conditionOf({ path, op, text, from }: ConditionDraft): Condition {
  if (from !== null && from.op === op && (from.path ?? '') === path && valueText(from.value) === text) return from;
  const value = text.trim();
  if (op !== 'changed' && path.trim() === '') throw new DraftError('A condition needs a field, as in data.available.');
  if (value === '' && op !== 'exists') throw new DraftError('A condition needs a value.');
  if (op === 'changed') return { op, value };
  if (op === 'exists') return { path: path.trim(), op, value: value !== 'false' };
  if (op === 'in') return { path: path.trim(), op, value: choicesOf(value) };
  return { path: path.trim(), op, value: scalarOf(value) };
}

function scalarOf(text: string): string | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^".*"$/s.test(text) ? unquoted(text) : text;
}

function choicesOf(text: string): (string | boolean)[] {
  const parts = text.match(/\s*("(?:[^"\\]|\\.)*"|[^,]+)\s*/gs) ?? [];
  return parts
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(scalarOf);
}

function unquoted(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return text.slice(1, -1);
  }
}

/** Writes a value of a condition as `conditionOf` reads it. */
export function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map((one: unknown) => scalarText(one, true)).join(', ');
  return scalarText(value, false);
}

function scalarText(value: unknown, inList: boolean): string {
  if (typeof value !== 'string') return JSON.stringify(value) ?? '';
  const isPlain =
    value !== '' &&
    value.trim() === value &&
    value !== 'true' &&
    value !== 'false' &&
    !value.startsWith('"') &&
    !(inList && value.includes(','));
  return isPlain ? value : JSON.stringify(value);
}
