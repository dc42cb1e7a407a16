/**
 * Two sides changed the same values: metadata of a cell by name, or its attachments.
 */

import { JSONExt } from '@lumino/coreutils';

type Values = Record<string, any>;

/**
 * `mine` with what the server changed between `known` and `told`. Where both changed a value mine stays, and goes up with the next
 * snapshot; tags are merged one by one.
 */
export function merged(known: Values, mine: Values, told: Values): Values {
  const result = { ...mine };
  for (const name of Object.keys({ ...known, ...told })) {
    if (isEqual(told[name], known[name])) {
      continue;
    }
    if (isEqual(mine[name], known[name])) {
      if (told[name] === undefined) {
        delete result[name];
      } else {
        result[name] = told[name];
      }
    } else if (name === 'tags') {
      const [before, own, wanted] = [known, mine, told].map(
        ({ tags }): string[] => (Array.isArray(tags) ? tags : [])
      );
      const kept = own.filter(
        tag => wanted.includes(tag) || !before.includes(tag)
      );
      const added = wanted.filter(
        tag => !before.includes(tag) && !kept.includes(tag)
      );
      result.tags = [...kept, ...added];
    }
  }
  return result;
}

function isEqual(one: any, other: any): boolean {
  return JSONExt.deepEqual(one ?? null, other ?? null);
}
