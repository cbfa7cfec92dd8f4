/** Reads a process's environment once, at start, and names everything that is missing or wrong in one message. */

/** What only a change of configuration mends: starting again does not help. Its message is for the operator. */
export class ConfigurationError extends Error {
  override readonly name: string = 'ConfigurationError';
}

type Source = Readonly<Record<string, string | undefined>>;

/** Collects the problems of all variables, so that an operator sees them at once. */
export class Environment {
  private readonly problems: string[] = [];

  constructor(private readonly source: Source) {}

  /** The value, or the fallback; without a fallback it is required. An empty value counts as absent. */
  text(name: string, fallback?: string): string {
    const value = this.optional(name) ?? fallback;
    return value ?? this.problem(`${name} is missing`, '');
  }

  optional(name: string): string | undefined {
    const value = this.source[name]?.trim();
    return value === '' ? undefined : value;
  }

  /** A whole number within bounds. */
  integer(name: string, fallback: number, bounds: { min?: number; max?: number } = {}): number {
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = bounds;
    const text = this.optional(name);
    if (text === undefined) return fallback;
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    return this.problem(`${name} must be a whole number from ${min} to ${max}, not "${text}"`, fallback);
  }

  oneOf<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
    const text = this.optional(name);
    if (text === undefined) return fallback;
    const found = allowed.find((value) => value === text);
    return found ?? this.problem(`${name} must be one of ${allowed.join(', ')}, not "${text}"`, fallback);
  }

  /** An address with one of the given protocols, `http:` for example. */
  url(name: string, protocols: readonly string[], fallback?: string): string {
    const text = this.text(name, fallback);
    if (text === '') return text;
    if (URL.canParse(text) && protocols.includes(new URL(text).protocol)) return text;
    return this.problem(`${name} must be an address starting with ${protocols.join(' or ')}`, text);
  }

  /** Throws with every problem found so far, one a line. */
  check(): void {
    if (this.problems.length > 0) throw new ConfigurationError(`Wrong configuration:\n  ${this.problems.join('\n  ')}`);
  }

  /** Records a problem that only the caller can see and goes on with a stand-in until `check`. */
  problem<T>(text: string, standIn: T): T {
    this.problems.push(text);
    return standIn;
  }
}
