// Figures and times in plain English.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const NUMBER = new Intl.NumberFormat('en');
const WHOLE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

export function count(value: number): string {
  return NUMBER.format(value);
}

/** How long ago, as in `12 s ago`. A clock that is a little behind the server's makes no future of it. */
export function ago(at: string, now: number): string {
  const past = now - Date.parse(at);
  if (past < 3 * SECOND) return 'just now';
  return `${span(past)} ago`;
}

/** How long until something, as in `in 3 min`; or the stretch alone. */
export function until(at: string, now: number, withIn = true): string {
  const left = Date.parse(at) - now;
  if (left < SECOND) return withIn ? 'any moment now' : 'a moment';
  return withIn ? `in ${span(left)}` : span(left);
}

/** A stretch of time in its largest unit, rounded down. */
export function span(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} days`;
}

/** Milliseconds of delay, as in `420 ms`, `1.2 s`, `3.5 min`. */
export function delay(ms: number): string {
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < MINUTE) return `${short(ms / SECOND)} s`;
  if (ms < HOUR) return `${short(ms / MINUTE)} min`;
  return `${short(ms / HOUR)} h`;
}

function short(value: number): string {
  return value < 10 ? value.toFixed(1) : String(Math.floor(value));
}

/** A part of one, as in `0.4 %`. What is not nothing is never told as nothing. */
export function percent(part: number): string {
  const value = part * 100;
  if (value === 0) return '0 %';
  if (value < 0.1) return 'under 0.1 %';
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

export function whole(at: string): string {
  return WHOLE.format(new Date(at));
}

/** A sentence of the server with its times as people tell them. */
export function timesTold(text: string): string {
  return text.replace(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z/g, whole);
}

export function clock(at: string): string {
  return CLOCK.format(new Date(at));
}

/** A decimal text with its currency. */
export function price(least: string, most: string | undefined, currency: string | undefined): string {
  const amount = most === undefined || most === least ? least : `${least} to ${most}`;
  return currency === undefined ? amount : `${amount} ${currency}`;
}

/** Text with `<em>` around what fits, in pieces: nothing of it is ever taken for HTML. */
export function pieces(text: string): { text: string; fits: boolean }[] {
  return text
    .split(/<em>(.*?)<\/em>/s)
    .map((piece, index) => ({ text: piece, fits: index % 2 === 1 }))
    .filter((piece) => piece.text !== '');
}

/** One thing or more of them. */
export function plural(value: number, one: string, more = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : more}`;
}

const ORDINAL = new Intl.PluralRules('en', { type: 'ordinal' });
const ENDINGS: Record<Intl.LDMLPluralRule, string> = {
  zero: 'th',
  one: 'st',
  two: 'nd',
  few: 'rd',
  many: 'th',
  other: 'th',
};

/** A store's install by its number, the same as the command has it: fixtures/installs.json. */
export function whichInstall(epoch: number): string {
  return epoch <= 1 ? 'the first install' : `the ${epoch}${ENDINGS[ORDINAL.select(epoch)]} install`;
}
