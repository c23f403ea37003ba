// Fields that a condition can name, read from the JSON Schemas of events.

export interface SchemaPath {
  path: string;
  description: string;
  /** Values that it can have, if they are few. */
  values: string[];
}

/** Steps of a path at most. */
const MAX_STEPS = 4;
/** Schemas that are followed for one step at most: references and variants. */
const MAX_HOPS = 6;

type Schema = Record<string, unknown>;

/** Returns the paths of a schema, in its order. A list stands for its items, as in conditions. */
export function pathsOf(root: Schema): SchemaPath[] {
  const found = new Map<string, SchemaPath>();
  const walk = (schema: Schema, steps: string[]) => {
    for (const variant of variantsOf(root, schema, MAX_HOPS)) {
      const properties = variant['properties'];
      if (!isSchema(properties)) continue;
      for (const [name, member] of Object.entries(properties)) {
        if (!isSchema(member)) continue;
        const path = [...steps, name];
        const key = path.join('.');
        if (!found.has(key)) {
          const values = variantsOf(root, member, MAX_HOPS).flatMap(valuesOf);
          found.set(key, { path: key, description: String(member['description'] ?? ''), values: [...new Set(values)] });
        }
        if (path.length < MAX_STEPS) walk(member, path);
      }
    }
  };
  walk(root, []);
  return [...found.values()];
}

/** Returns a schema with all that it refers to, and the items of its lists. */
function variantsOf(root: Schema, schema: Schema, hops: number): Schema[] {
  if (hops === 0) return [];
  const next: unknown[] = ['anyOf', 'oneOf', 'allOf'].flatMap((name) => (schema[name] as unknown[] | undefined) ?? []);
  if (typeof schema['$ref'] === 'string') next.push(resolve(root, schema['$ref']));
  next.push(schema['items']);
  return [schema, ...next.filter(isSchema).flatMap((one) => variantsOf(root, one, hops - 1))];
}

function resolve(root: Schema, reference: string): unknown {
  const steps = reference.replace(/^#/, '').split('/').filter(Boolean);
  return steps.reduce<unknown>((at, step) => (isSchema(at) ? at[step] : undefined), root);
}

function valuesOf(schema: Schema): string[] {
  if (schema['type'] === 'boolean') return ['true', 'false'];
  if (Array.isArray(schema['enum'])) return schema['enum'].filter((one) => typeof one === 'string');
  return [];
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
