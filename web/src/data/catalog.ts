// Catalog of the types of events, as endpoints choose from it.

import type { EventTypeInfo } from '../api';
import { selects } from './webhooks';

export interface CatalogGroup {
  resource: string;
  /** Patterns that stand for several types of the group, as in `product.*`. */
  families: string[];
  types: { type: string; meaning: string }[];
}

/** Groups the types by the kind of thing, in the order of the catalog. */
export function groupsOf(types: EventTypeInfo[]): CatalogGroup[] {
  const groups = new Map<string, CatalogGroup>();
  for (const { type, meaning, resource } of types) {
    const group = groups.get(resource) ?? { resource, families: [], types: [] };
    groups.set(resource, group);
    if (type.endsWith('.*')) group.families.push(type);
    else group.types.push({ type, meaning });
  }
  for (const group of groups.values()) {
    const families = group.types.map(({ type }) => `${type.split('.')[0] ?? ''}.*`);
    const shared = families.filter((family, index) => families.indexOf(family) !== index);
    group.families.push(...new Set(shared));
  }
  return [...groups.values()];
}

/** Patterns and types that the dialog offers. */
export function offeredBy(groups: CatalogGroup[]): Set<string> {
  return new Set(['*', ...groups.flatMap(({ families, types }) => [...families, ...types.map(({ type }) => type)])]);
}

/** Kinds of things that patterns are about; null for all. */
export function resourcesOf(patterns: string[], types: EventTypeInfo[]): string[] | null {
  if (patterns.includes('*')) return null;
  const overlaps = (pattern: string, type: string) => selects(pattern, type) || selects(type, pattern);
  const found = types.filter(({ type }) => patterns.some((pattern) => overlaps(pattern, type)));
  return [...new Set(found.map(({ resource }) => resource))];
}

/** Types of the catalog that patterns select. */
export function selectedTypes(patterns: string[], types: EventTypeInfo[]): string[] {
  return types.map(({ type }) => type).filter((type) => patterns.some((pattern) => selects(pattern, type)));
}
