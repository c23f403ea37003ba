import {
  type Draft,
  type Header,
  NUMBERS,
  NUMBER_FIELDS,
  type NumberField,
  choiceMade,
} from '../../data/endpoint-draft';
import { Field } from './bits';
import { Credentials, type Shown } from './Credentials';
import { CHOICES, CHOICE_FIELDS, type ChoiceField, choiceOf } from './names';

const HINTS: Partial<Record<NumberField, string>> = {
  max_per_second: 'Empty: no limit.',
  keep_days: 'If the endpoint takes nothing for longer, the message expires.',
};

/** Settings that most endpoints leave as they are. */
export function Advanced({
  draft,
  headerNames,
  credentials,
  mayDisclose,
  mayForward,
  onChange,
}: {
  draft: Draft;
  headerNames: string[];
  /** Credentials of the endpoint that is changed; null of a new one. */
  credentials: Shown | null;
  /** True for an admin of all stores, who alone decides about personal data. */
  mayDisclose: boolean;
  /** True for an endpoint of all stores, which may get what the source sent. */
  mayForward: boolean;
  onChange: (part: Partial<Draft>) => void;
}) {
  const hintOf = (field: ChoiceField) => {
    const meaning = choiceOf(field, draft[field])[1];
    return field === 'personal' && !mayDisclose ? `${meaning} Only an admin of all stores can change this.` : meaning;
  };
  return (
    <div className="advanced">
      {CHOICE_FIELDS.map((field) => (
        <Field key={field} label={CHOICES[field].name} hint={hintOf(field)}>
          {(ids) => (
            <select
              {...ids}
              value={draft[field]}
              disabled={field === 'personal' && !mayDisclose}
              onChange={(event) => onChange(choiceMade(draft, field, event.target.value))}
            >
              {Object.keys(CHOICES[field].choices)
                .filter((value) => value !== 'raw' || mayForward)
                .map((value) => (
                  <option key={value} value={value}>
                    {choiceOf(field, value)[0]}
                  </option>
                ))}
            </select>
          )}
        </Field>
      ))}
      {NUMBER_FIELDS.map((field) => (
        <Field
          key={field}
          label={NUMBERS[field].name}
          hint={HINTS[field] ?? `From ${NUMBERS[field].least} to ${NUMBERS[field].most}.`}
        >
          {(ids) => (
            <input
              {...ids}
              type="number"
              inputMode="numeric"
              min={NUMBERS[field].least}
              max={NUMBERS[field].most}
              value={draft[field]}
              onChange={(event) => onChange({ [field]: event.target.value })}
            />
          )}
        </Field>
      ))}
      <Headers draft={draft} names={headerNames} onChange={(headers) => onChange({ headers })} />
      <Credentials draft={draft} shown={credentials} onChange={onChange} />
    </div>
  );
}

function Headers({
  draft: { headers },
  names,
  onChange,
}: {
  draft: Draft;
  names: string[];
  onChange: (headers: Header[] | null) => void;
}) {
  const change = (index: number, part: Partial<Header>) =>
    onChange((headers ?? []).map((one, at) => (at === index ? { ...one, ...part } : one)));
  return (
    <fieldset className="headers">
      <legend>Custom headers</legend>
      {headers === null ? (
        <>
          <p>
            Each request has <code>{names.join(', ')}</code>. Their values are never shown.
          </p>
          <button type="button" className="small" onClick={() => onChange([])}>
            Replace or remove them
          </button>
        </>
      ) : (
        <>
          {names.length > 0 && (
            <p>
              {headers.length === 0 ? 'The headers are removed' : 'These replace the headers'} when you save.{' '}
              <button type="button" className="small" onClick={() => onChange(null)}>
                Keep them as they are
              </button>
            </p>
          )}
          {headers.map((header, index) => (
            // Headers have no id of their own, and only the last ones come and go.
            // oxlint-disable-next-line react/no-array-index-key
            <div key={index} className="condition" role="group" aria-label={`Header ${index + 1}`}>
              <input
                type="text"
                aria-label="Name"
                placeholder="x-api-key"
                spellCheck={false}
                autoComplete="off"
                value={header.name}
                onChange={(event) => change(index, { name: event.target.value })}
              />
              <input
                type="text"
                aria-label="Value"
                spellCheck={false}
                autoComplete="off"
                value={header.value}
                onChange={(event) => change(index, { value: event.target.value })}
              />
              <button
                type="button"
                className="small"
                aria-label={`Remove header ${index + 1}`}
                onClick={() => onChange(headers.filter((_, at) => at !== index))}
              >
                Remove
              </button>
            </div>
          ))}
          <button type="button" className="small" onClick={() => onChange([...headers, { name: '', value: '' }])}>
            Add a header
          </button>
        </>
      )}
    </fieldset>
  );
}
