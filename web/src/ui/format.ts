// Numbers and times in plain English, through Intl. Written by hand where Intl would lose more than it gives:
//
//   spans    its short units are not the same in every browser ("2 min ago", "2 min. ago", "2m ago"), and its long ones ("2 minutes
//            ago") do not fit into a table; Node 20 has no DurationFormat
//   prices   they are decimal texts, which Intl of older browsers reads as floats, and it throws on a currency that it does not know

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const INTEGER = new Intl.NumberFormat('en');
const ONE_DECIMAL = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const PERCENT = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });
const DATE_TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const TIME_OF_DAY = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const DAY_AND_TIME = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const DAY_OF_MONTH = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const ORDINAL = new Intl.PluralRules('en', { type: 'ordinal' });

export function count(value: number): string {
  return INTEGER.format(value);
}

/** Time since a moment, as in `12 s ago`. A moment that this clock has not reached yet is `just now`. */
export function ago(at: string, now: number): string {
  const past = now - Date.parse(at);
  return past < 3 * SECOND_MS ? 'just now' : `${span(past)} ago`;
}

/** Time until a moment, as in `in 3 min`. */
export function until(at: string, now: number): string {
  const left = Date.parse(at) - now;
  return left < SECOND_MS ? 'any moment now' : `in ${span(left)}`;
}

/** Time left until a moment, as in `3 min`. */
export function remaining(at: string, now: number): string {
  const left = Date.parse(at) - now;
  return left < SECOND_MS ? 'a moment' : span(left);
}

/** Span of time in its largest unit, rounded down. */
function span(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`;
  if (ms < 2 * DAY_MS) return `${Math.floor(ms / HOUR_MS)} h`;
  return `${Math.floor(ms / DAY_MS)} days`;
}

/** Delay in milliseconds, as in `420 ms`, `1.2 s`, `3.5 min`. */
export function delay(ms: number): string {
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  if (ms < MINUTE_MS) return `${twoDigits(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) return `${twoDigits(ms / MINUTE_MS)} min`;
  return `${twoDigits(ms / HOUR_MS)} h`;
}

function twoDigits(value: number): string {
  return value < 10 ? ONE_DECIMAL.format(value) : count(Math.floor(value));
}

/** Share of one, as in `0.4%`. A share that is not zero is never shown as zero. */
export function percent(share: number): string {
  return share > 0 && share < 0.001 ? 'under 0.1%' : PERCENT.format(share);
}

export function dateTime(at: string): string {
  return DATE_TIME.format(new Date(at));
}

export function timeOfDay(at: string): string {
  return TIME_OF_DAY.format(new Date(at));
}

/** Day and time without the year, as in `30 Nov, 14:00`. */
export function dayAndTime(at: string): string {
  return DAY_AND_TIME.format(new Date(at));
}

export function dayOfMonth(at: string): string {
  return DAY_OF_MONTH.format(new Date(at));
}

/** Replaces the RFC 3339 times in a sentence of the server with readable ones. */
export function withReadableTimes(text: string): string {
  return text.replace(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z/g, dateTime);
}

/** Price, or range of prices, from decimal texts. */
export function price(least: string, most: string | undefined, currency: string | undefined): string {
  const amount = most === undefined || most === least ? least : `${least} to ${most}`;
  return currency === undefined ? amount : `${amount} ${currency}`;
}

/** Splits a highlighted passage at its `<em>` marks. No part of it is ever taken for HTML. */
export function highlightParts(text: string): { text: string; matches: boolean }[] {
  return text
    .split(/<em>(.*?)<\/em>/s)
    .map((part, index) => ({ text: part, matches: index % 2 === 1 }))
    .filter((part) => part.text !== '');
}

/** Count with its noun. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

const ORDINAL_SUFFIXES: Record<Intl.LDMLPluralRule, string> = {
  zero: 'th',
  one: 'st',
  two: 'nd',
  few: 'rd',
  many: 'th',
  other: 'th',
};

/** Name of a store's install by its number, in the same words as the command: fixtures/installs.json. */
export function installName(epoch: number): string {
  return epoch <= 1 ? 'the first install' : `the ${epoch}${ORDINAL_SUFFIXES[ORDINAL.select(epoch)]} install`;
}
