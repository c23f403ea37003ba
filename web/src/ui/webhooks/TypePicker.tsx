import { useState } from 'react';
import type { EventTypeInfo } from '../../api';
import { groupsOf, offeredBy } from '../../data/catalog';
import { selects } from '../../data/webhooks';
import { Field } from './bits';
import { resourceName } from './names';

/** Choice of types of events: all, whole groups, single ones, and others by their name. */
export function TypePicker({
  catalog,
  chosen,
  onChange,
}: {
  catalog: EventTypeInfo[];
  chosen: string[];
  onChange: (types: string[]) => void;
}) {
  const groups = groupsOf(catalog);
  const offered = offeredBy(groups);
  const others = chosen.filter((type) => !offered.has(type));
  const [text, setText] = useState<string | null>(null);
  const all = chosen.includes('*');
  const covered = (type: string) => chosen.some((one) => one !== type && selects(one, type));
  const toggle = (type: string, on: boolean) => {
    const rest = chosen.filter((one) => one !== type && !(on && selects(type, one)));
    onChange(on ? [...rest, type] : rest);
  };
  const option = (type: string, label: string, meaning: string) => (
    // oxlint-disable-next-line jsx-a11y/label-has-associated-control -- the rule does not see computed text
    <label key={type} className="option">
      <input
        type="checkbox"
        data-type={type}
        checked={chosen.includes(type) || covered(type)}
        disabled={covered(type)}
        onChange={(event) => toggle(type, event.target.checked)}
      />
      <span>
        <code>{label}</code> <span className="faint">{meaning}</span>
      </span>
    </label>
  );
  return (
    <fieldset className="types">
      <legend>
        Events <span className="faint">({chosen.length} chosen)</span>
      </legend>
      {/* The list scrolls by keyboard, too: its check boxes have the focus. */}
      <div className="type-groups">
        {option('*', '*', 'Everything, also types to come')}
        {groups.map(({ resource, families, types }) => (
          <fieldset key={resource}>
            <legend>{resourceName(resource)}</legend>
            {families.map((family) => option(family, family, `All of ${family.slice(0, -2)}`))}
            {types.map(({ type, meaning }) => option(type, type, meaning))}
          </fieldset>
        ))}
      </div>
      {!all && (
        <Field
          label="Other types (optional)"
          hint="Your own, as in custom.stock.low or custom.stock.*, with a comma between."
        >
          {(ids) => (
            <input
              {...ids}
              type="text"
              spellCheck={false}
              autoComplete="off"
              value={text ?? others.join(', ')}
              onChange={(event) => {
                setText(event.target.value);
                const given = event.target.value.split(/[\s,]+/).filter((type) => type !== '');
                onChange([...new Set([...chosen.filter((type) => offered.has(type)), ...given])]);
              }}
              onBlur={() => setText(null)}
            />
          )}
        </Field>
      )}
    </fieldset>
  );
}
