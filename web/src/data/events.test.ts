import { describe, expect, it } from 'vitest';
import type { EventSummary, EventsResponse } from '../api';
import {
  ALL_EVENTS,
  type EventList,
  NO_EVENTS,
  choices,
  eventsQuery,
  readFilter,
  withNewest,
  withOlder,
} from './events';

const page = (ids: string[], next: string | null): EventsResponse => ({
  events: ids.map((id) => ({ id }) as EventSummary),
  next,
});
const ids = (list: EventList) => list.events.map((event) => event.id).join('');

describe('the list of events', () => {
  it('puts newer events on top and keeps older ones', () => {
    const first = withOlder(withNewest(NO_EVENTS, page(['f', 'e'], 'e')), page(['d', 'c'], 'c'));
    expect([ids(first), first.next]).toEqual(['fedc', 'c']);
    const again = withNewest(first, page(['g', 'f', 'e'], 'e'));
    expect([ids(again), again.next]).toEqual(['gfedc', 'c']);
  });

  it('begins again after a gap', () => {
    const list = withNewest(withNewest(NO_EVENTS, page(['b', 'a'], 'a')), page(['z', 'y'], 'y'));
    expect([ids(list), list.next]).toEqual(['zy', 'y']);
  });

  it('drops what has expired', () => {
    const list = withNewest(withNewest(NO_EVENTS, page(['c', 'b'], 'b')), page(['c'], null));
    expect([ids(list), list.next]).toEqual(['c', null]);
  });

  it('keeps its events if a page has looked at others only', () => {
    const list = withNewest(withNewest(NO_EVENTS, page(['c', 'b'], 'b')), page([], 'x'));
    expect([ids(list), list.next]).toEqual(['cb', 'b']);
    expect(withNewest(withNewest(NO_EVENTS, page([], 'x')), page([], 'y')).next).toBe('y');
  });
});

it('a filter survives a round trip through an address', () => {
  const filter = { type: 'product.*', subject: 'product#7/8 ü', cause: 'a&b=c' };
  expect(readFilter(eventsQuery(filter).toString())).toEqual(filter);
  expect([eventsQuery(ALL_EVENTS).toString(), readFilter('')]).toEqual(['', ALL_EVENTS]);
});

it('types are offered one by one and by their beginnings', () => {
  expect(choices(['order.paid', 'order.created', 'inventory.updated', 'custom.*'])).toEqual([
    'custom.*',
    'inventory.*',
    'inventory.updated',
    'order.*',
    'order.created',
    'order.paid',
  ]);
});
