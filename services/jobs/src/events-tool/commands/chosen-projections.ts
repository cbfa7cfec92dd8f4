import type { Projection } from '../../projections/projection.js';
import { PROJECTIONS } from '../../projections/registry.js';
import { EXIT, ToolError } from '../exit-codes.js';

/** The projections of these names, or all of them. */
export function chosen(names: readonly string[], all: true | undefined): Projection[] {
  const known = PROJECTIONS.map(({ name }) => name).join(', ');
  if (all && names.length > 0) throw new ToolError(EXIT.usage, 'Either names or --all.');
  if (all) return [...PROJECTIONS];
  if (names.length === 0) throw new ToolError(EXIT.usage, `Which ones? --all, or some of: ${known}.`);
  return [...new Set(names)].map((name) => {
    const projection = PROJECTIONS.find((each) => each.name === name);
    if (!projection) throw new ToolError(EXIT.usage, `There is no projection ${name}. There are: ${known}.`);
    return projection;
  });
}
