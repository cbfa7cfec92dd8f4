/** What a failed statement means to those who act on it. */
import pg from 'pg';

/** Postgres is away, or not ready for us. Passes by itself. */
export class DatabaseUnavailableError extends Error {
  override readonly name = 'DatabaseUnavailableError';
}

/** SQLSTATE classes and codes: connection, authorisation, no such database yet, no resources, shutdown, system error. */
const UNAVAILABLE = ['08', '28', '3D', '53', '57P', '58'];
/** The data itself is at fault: data exceptions, violated constraints, limits such as the depth of JSON. */
const DATA = ['22', '23', '54'];

/** Tells a lost connection from an answer of the server. */
export function translated(error: unknown): unknown {
  const away = error instanceof pg.DatabaseError ? hasClass(error, UNAVAILABLE) : isOfConnection(error);
  if (!away) return error;
  return new DatabaseUnavailableError('Postgres is not available', { cause: error });
}

/** Whether Postgres refused the values, so that trying the same again is of no use. */
export function isRefusedData(error: unknown): boolean {
  return error instanceof pg.DatabaseError && hasClass(error, DATA);
}

/** Whether it came from Postgres at all, rather than from our own code. */
export function isFromDatabase(error: unknown): boolean {
  return error instanceof pg.DatabaseError || error instanceof DatabaseUnavailableError;
}

/** The user of the database may not do what was asked. */
export function isNoRight(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '42501';
}

/** The tables are not there yet: the migrations wait for Postgres. Or they are of an older version, and a new one catches up. */
export function isNotMigrated(error: unknown): boolean {
  return error instanceof pg.DatabaseError && ['42P01', '42703'].includes(error.code ?? '');
}

/** Another transaction held a lock for longer than the statement was to wait. Passes by itself. */
export function isKeptWaiting(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '55P03';
}

function hasClass(error: pg.DatabaseError, classes: readonly string[]): boolean {
  return classes.some((prefix) => error.code?.startsWith(prefix));
}

/** The client library knows its own errors only by their text. */
function isOfConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  if (/^(E[A-Z_]+)$/.test(code)) return true;
  return /connection|timeout|terminated|not queryable|pool after calling end/i.test(error.message);
}
