import { useEffect, useId, useState } from 'react';
import type { Operator } from '../../api';
import { selectedTypes } from '../../data/catalog';
import { type ConditionDraft, type Draft, MAX_CONDITIONS } from '../../data/endpoint-draft';
import { type SchemaPath, pathsOf } from '../../data/schema-paths';
import type { Place } from './bits';
import { OPERATOR_NAMES } from './names';

/** Most types whose schemas are read for the fields that are offered. */
const MAX_SCHEMAS = 6;

/** Groups of fields that events name in `changed`: docs/events/README.md. */
const CHANGED_GROUPS = [
  'status',
  'title',
  'description',
  'media',
  'attributes',
  'variants',
  'price',
  'inventory',
  'collections',
];

const OPERATORS = Object.keys(OPERATOR_NAMES) as Operator[];

/** Conditions on the content of events, all of which must hold. */
export function Conditions({
  place,
  draft,
  onChange,
}: {
  place: Place;
  draft: Draft;
  onChange: (conditions: ConditionDraft[]) => void;
}) {
  const { conditions } = draft;
  const id = useId();
  const paths = usePaths(place, draft.types, conditions.length > 0);
  const change = (index: number, part: Partial<ConditionDraft>) =>
    onChange(conditions.map((one, at) => (at === index ? { ...one, ...part } : one)));
  return (
    <fieldset className="conditions">
      <legend>Conditions {conditions.length > 1 && <span className="faint">(all must hold)</span>}</legend>
      {conditions.length === 0 && <p className="faint">None: every event of these types is sent.</p>}
      <datalist id={id}>
        {paths.map(({ path, description }) => (
          <option key={path} value={path}>
            {description}
          </option>
        ))}
      </datalist>
      {conditions.map((condition, index) => (
        // Conditions have no id of their own, and only the last ones come and go.
        // oxlint-disable-next-line react/no-array-index-key
        <div key={index} className="condition" role="group" aria-label={`Condition ${index + 1}`}>
          {condition.op === 'changed' ? (
            <span className="faint">The event says that</span>
          ) : (
            <input
              type="text"
              aria-label="Field"
              placeholder="data.available"
              list={id}
              spellCheck={false}
              autoComplete="off"
              value={condition.path}
              onChange={(event) => change(index, { path: event.target.value })}
            />
          )}
          <select
            aria-label="Comparison"
            value={condition.op}
            onChange={(event) => change(index, withOperator(condition, event.target.value as Operator))}
          >
            {OPERATORS.map((op) => (
              <option key={op} value={op}>
                {OPERATOR_NAMES[op]}
              </option>
            ))}
          </select>
          <Value
            condition={condition}
            values={paths.find(({ path }) => path === condition.path)?.values ?? []}
            onChange={(text) => change(index, { text })}
          />
          <button
            type="button"
            className="small"
            aria-label={`Remove condition ${index + 1}`}
            onClick={() => onChange(conditions.filter((_, at) => at !== index))}
          >
            Remove
          </button>
        </div>
      ))}
      {conditions.length < MAX_CONDITIONS && (
        <button
          type="button"
          className="small"
          onClick={() => onChange([...conditions, { path: '', op: '=', text: '', from: null }])}
        >
          Add a condition
        </button>
      )}
    </fieldset>
  );
}

/** Keeps the parts of a condition that another operator also has. */
function withOperator(condition: ConditionDraft, op: Operator): Partial<ConditionDraft> {
  const kinds = (one: Operator) => (one === 'exists' || one === 'changed' ? one : 'value');
  const keepsText = kinds(op) === kinds(condition.op);
  return {
    op,
    text: keepsText ? condition.text : op === 'exists' ? 'true' : '',
    ...(op === 'changed' ? { path: '' } : {}),
  };
}

function Value({
  condition: { op, text },
  values,
  onChange,
}: {
  condition: ConditionDraft;
  values: string[];
  onChange: (text: string) => void;
}) {
  const id = useId();
  if (op === 'exists') {
    return (
      <select aria-label="Value" value={text} onChange={(event) => onChange(event.target.value)}>
        <option value="true">yes</option>
        <option value="false">no</option>
      </select>
    );
  }
  return (
    <>
      <datalist id={id}>
        {(op === 'changed' ? CHANGED_GROUPS : values).map((value) => (
          <option key={value} value={value}>
            {value}
          </option>
        ))}
      </datalist>
      <input
        type="text"
        aria-label="Value"
        placeholder={op === 'in' ? 'active, hidden' : op === 'changed' ? 'price' : ''}
        list={id}
        spellCheck={false}
        autoComplete="off"
        value={text}
        onChange={(event) => onChange(event.target.value)}
      />
    </>
  );
}

/** Fields of the chosen types, once somebody needs them. */
function usePaths({ panel, types }: Place, chosen: string[], needed: boolean): SchemaPath[] {
  const [paths, setPaths] = useState<SchemaPath[]>([]);
  const wanted = needed ? selectedTypes(chosen, types).slice(0, MAX_SCHEMAS).join(' ') : '';
  useEffect(() => {
    const leaving = new AbortController();
    const names = wanted.split(' ').filter((type) => type !== '');
    Promise.all(names.map((type) => panel.client.eventType(type, leaving.signal))).then(
      (details) => {
        const found = new Map<string, SchemaPath>();
        for (const one of details.flatMap(({ schema }) => pathsOf(schema)))
          if (!found.has(one.path)) found.set(one.path, one);
        if (!leaving.signal.aborted) setPaths([...found.values()]);
      },
      // Without the schemas no field is offered; any can be typed, and the server checks it.
      () => {},
    );
    return () => leaving.abort();
  }, [panel, wanted]);
  return paths;
}
