const LINE_WIDTH = 120;

/** JSON as the project's formatter writes it: lists on one line where they fit. */
export function jsonText(value: unknown): string {
  return `${format(value)}\n`;
}

function format(value: unknown, indent = '', before = 0): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    const line = `[${value.map((item) => format(item)).join(', ')}]`;
    const flat = value.every((item) => typeof item !== 'object');
    // A comma may follow.
    if (flat && before + line.length < LINE_WIDTH) return line;
    return `[\n${value.map((item) => deeper + format(item, deeper)).join(',\n')}\n${indent}]`;
  }
  const members = Object.entries(value).map(([key, member]) => {
    const start = `${deeper}${JSON.stringify(key)}: `;
    return start + format(member, deeper, start.length);
  });
  return members.length === 0 ? '{}' : `{\n${members.join(',\n')}\n${indent}}`;
}
