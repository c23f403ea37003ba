import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Condition, EndpointSettings, EventTypeInfo, Operator } from '../api';
import { groupsOf, offeredBy, resourcesOf, selectedTypes } from './catalog';
import { NO_AUTH } from './credentials-draft';
import {
  type Draft,
  DraftError,
  NEW_SETTINGS,
  NUMBER_FIELDS,
  NUMBERS,
  choiceMade,
  conditionOf,
  draftOf,
  patchOf,
  requestOf,
  settingsOf,
  valueText,
} from './endpoint-draft';
import { pathsOf } from './schema-paths';

const OPENAPI = JSON.parse(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')) as {
  components: { schemas: { EndpointSettings: { properties: Record<string, unknown> } } };
};

const SETTINGS: EndpointSettings = { ...NEW_SETTINGS, url: 'https://example.com/hook', types: ['product.*'] };

const draft = (change: Partial<Draft> = {}): Draft => ({ ...draftOf(SETTINGS, false), ...change });

describe('a draft', () => {
  it('has the settings that it was made from', () => {
    const full: EndpointSettings = {
      ...SETTINGS,
      description: 'Search',
      conditions: [
        { path: 'data.available', op: '=', value: false },
        { path: 'data.total', op: '>', value: 10 },
        { op: 'changed', value: 'price' },
      ],
      max_per_second: 5,
      personal: 'contact',
    };
    const { properties } = OPENAPI.components.schemas.EndpointSettings;
    expect(Object.keys(full).toSorted(), 'a setting that the dialog would drop').toEqual(
      Object.keys(properties).toSorted(),
    );
    expect(settingsOf(draftOf(full, false))).toEqual(full);
    expect(settingsOf(draftOf(SETTINGS, false))).toEqual(SETTINGS);
    expect(requestOf(draft())).toEqual({ settings: SETTINGS });
  });

  it.each([
    [{ url: ' ' }, 'URL', false],
    [{ types: [] }, 'at least one type', false],
    [{ types: Array.from({ length: 21 }, (_, index) => `custom.a${index}`) }, 'at most 20', false],
    [{ timeout_seconds: '31' }, 'from 1 to 30', true],
    [{ max_in_flight: '1.5' }, 'whole number', true],
    [{ keep_days: '' }, 'from 1 to 14', true],
    [{ headers: [{ name: 'x-key', value: '' }] }, 'a name and a value', true],
    [
      {
        headers: [
          { name: 'x-key', value: '1' },
          { name: 'X-Key', value: '2' },
        ],
      },
      'the same name',
      true,
    ],
    [{ auth: { ...NO_AUTH, token_url: 'https://login.example.com/token' } }, 'the secret of a client', true],
    [{ client_certificate: { certificate: 'PEM', private_key: ' ' } }, 'its private key', true],
    [{ conditions: [{ path: '', op: '=' as const, text: '1', from: null }] }, 'needs a field', false],
    [{ conditions: [{ path: 'data.title', op: '=' as const, text: '', from: null }] }, 'needs a value', false],
  ])('says what is missing or wrong: %o', (change, words, advanced) => {
    const problem = () => requestOf(draft(change));
    expect(problem).toThrow(DraftError);
    expect(problem).toThrow(words);
    try {
      problem();
    } catch (error) {
      expect((error as DraftError).advanced).toBe(advanced);
    }
  });

  it('has the limits of the server', () => {
    const source = readFileSync(
      new URL('../../../crates/domain/src/outbound/endpoint/settings.rs', import.meta.url),
      'utf8',
    );
    for (const field of NUMBER_FIELDS) {
      const [, least, most] = new RegExp(`\\("${field}", [^,]+, (\\d+), (\\d+)\\)`).exec(source) ?? [];
      expect([field, Number(least), Number(most)]).toEqual([field, NUMBERS[field].least, NUMBERS[field].most]);
    }
    const defaults = [...source.matchAll(/fn default_\w+\(\) -> u16 \{\s+(\d+)/g)].map(([, value]) => Number(value));
    const { timeout_seconds, max_in_flight, keep_days, disable_after_days } = NEW_SETTINGS;
    expect(defaults).toEqual([timeout_seconds, max_in_flight, keep_days, disable_after_days]);
  });
});

it('a raw payload is of deliveries alone, with all personal data', () => {
  const raw = choiceMade(draft(), 'format', 'raw');
  expect(raw).toEqual({ format: 'raw', types: ['delivery.received'], personal: 'full' });
  expect(choiceMade(draft(raw), 'format', 'thin')).toEqual({ format: 'thin', types: [] });
  expect(choiceMade(draft(), 'format', 'thin')).toEqual({ format: 'thin' });
  expect(choiceMade(draft(), 'ordering', 'entity')).toEqual({ ordering: 'entity' });
});

describe('a patch', () => {
  it('has what differs, and null for what has its default again', () => {
    const before = { ...SETTINGS, description: 'Old', max_per_second: 5, conditions: [] };
    const changed = { ...draftOf(before, true), url: 'https://example.com/new', description: '', max_per_second: '' };
    expect(patchOf(before, true, changed)).toEqual({
      settings: { url: 'https://example.com/new', description: null, max_per_second: null },
    });
    expect(patchOf(before, true, draftOf(before, true))).toEqual({});
    const newer = { ...before, of_a_newer_server: 1 };
    expect(patchOf(newer, true, { ...draftOf(newer, true), personal: 'full' })).toEqual({
      settings: { personal: 'full' },
    });
  });

  it('leaves headers as they are unless a person replaces or removes them', () => {
    expect(patchOf(SETTINGS, true, draft({ headers: null }))).toEqual({});
    expect(patchOf(SETTINGS, true, draft({ headers: [] }))).toEqual({ headers: null });
    expect(patchOf(SETTINGS, false, draft({ headers: [] }))).toEqual({});
    const headers = [{ name: ' x-key ', value: 'v' }];
    expect(patchOf(SETTINGS, true, draft({ headers }))).toEqual({ headers: { 'x-key': 'v' } });
  });
});

it('credentials stay, go, or are replaced whole', () => {
  const auth = { ...NO_AUTH, token_url: ' https://login.example.com/token ', client_id: 'a', client_secret: 's3cret' };
  const request = {
    ...{ kind: 'oauth2', token_url: 'https://login.example.com/token', client_id: 'a', client_secret: 's3cret' },
    credentials_in: 'header',
  };
  const certificate = { certificate: 'PEM', private_key: 'KEY' };
  expect(requestOf(draft({ auth }))).toEqual({ settings: SETTINGS, auth: request });
  expect(patchOf(SETTINGS, false, draft({ auth: { ...auth, scope: 'a b' } }))).toEqual({
    auth: { ...request, scope: 'a b' },
  });
  expect(patchOf(SETTINGS, false, draft({ auth: 'remove' }))).toEqual({ auth: null });
  expect(patchOf(SETTINGS, false, draft({ client_certificate: certificate }))).toEqual({
    client_certificate: certificate,
  });
  expect(patchOf(SETTINGS, false, draft({ client_certificate: 'remove' }))).toEqual({ client_certificate: null });
});

describe('a condition', () => {
  const read = (op: Operator, text: string) => conditionOf({ path: 'data.x', op, text, from: null }).value;

  it('has texts, truth values and lists, and ids lose no digit', () => {
    expect([read('=', 'true'), read('=', '"true"'), read('=', '788032119674292922')]).toEqual([
      true,
      'true',
      '788032119674292922',
    ]);
    expect(read('in', 'active, hidden,"a, b" , true')).toEqual(['active', 'hidden', 'a, b', true]);
    expect([read('exists', 'true'), read('exists', 'false')]).toEqual([true, false]);
    expect(conditionOf({ path: '', op: 'changed', text: 'price', from: null })).toEqual({
      op: 'changed',
      value: 'price',
    });
  });

  it.each(['plain', 'true', '', ' padded ', '"quoted"', 'a, b', 'false'])(
    'writes the text %o as it reads it',
    (value) => {
      expect(read('=', valueText(value))).toBe(value);
      expect(read('in', valueText([value, 'other']))).toEqual([value, 'other']);
    },
  );

  it('stays exactly as it was while nothing of it changes', () => {
    const from: Condition = { path: 'data.total', op: '>', value: 1.5 };
    const [kept] = draftOf({ ...SETTINGS, conditions: [from] }, false).conditions;
    expect(kept && conditionOf(kept)).toBe(from);
    expect(kept && conditionOf({ ...kept, text: '2.5' })).toEqual({ path: 'data.total', op: '>', value: '2.5' });
  });
});

describe('the fields that a condition can name', () => {
  const schema = (type: string) =>
    JSON.parse(readFileSync(new URL(`../../../docs/events/schemas/${type}.json`, import.meta.url), 'utf8')) as Record<
      string,
      unknown
    >;
  const paths = pathsOf(schema('product.updated'));
  const find = (path: string) => paths.find((one) => one.path === path);

  it('go through references, variants and lists', () => {
    for (const path of [
      'data.title',
      'data.variants.sku',
      'previous.available',
      'related.collections.title',
      'subject.id',
    ])
      expect(find(path), path).toBeDefined();
    expect(find('data.variants.sky')).toBeUndefined();
  });

  it('have a description, and their values if they are few', () => {
    expect(find('data.available')).toEqual({
      path: 'data.available',
      description: 'True if any variant can be bought now; absent if unknown.',
      values: ['true', 'false'],
    });
    expect(find('data.status')?.values).toEqual(['active', 'hidden']);
  });

  it('end in a schema that refers to itself', () => {
    const loop = { properties: { a: { $ref: '#' } }, anyOf: [{ $ref: '#' }] };
    expect(pathsOf(loop).map(({ path }) => path)).toEqual(['a', 'a.a', 'a.a.a', 'a.a.a.a']);
  });
});

describe('the catalog', () => {
  const type = (name: string, resource: EventTypeInfo['resource']): EventTypeInfo => ({
    type: name,
    resource,
    meaning: '',
    version: 1,
  });
  const types = [
    type('product.created', 'product'),
    type('product.updated', 'product'),
    type('inventory.updated', 'product'),
    type('order.created', 'order'),
    type('custom.*', 'custom'),
  ];

  it('is grouped by things, with a pattern where several types begin alike', () => {
    expect(groupsOf(types).map(({ resource, families }) => [resource, families])).toEqual([
      ['product', ['product.*']],
      ['order', []],
      ['custom', ['custom.*']],
    ]);
    expect([...offeredBy(groupsOf(types))]).toContain('*');
  });

  it('says which things and types patterns are about', () => {
    expect(resourcesOf(['*'], types)).toBeNull();
    expect(resourcesOf(['inventory.updated', 'custom.stock.low'], types)).toEqual(['product', 'custom']);
    expect(selectedTypes(['product.*', 'order.created'], types)).toEqual([
      'product.created',
      'product.updated',
      'order.created',
    ]);
  });
});
