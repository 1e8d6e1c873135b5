/** What PostgreSQL and the way to it say, as what a store may say. */

import { StoreConflict, StoreSchemaError, StoreUnavailable } from '../../std/store-error.ts'

/**
 * Classes of SQLSTATE that speak of the data of one statement, and not of the database: data exceptions and violated
 * constraints. Everything else may pass by itself, so what was asked is asked again rather than given up.
 */
const ABOUT_THE_DATA = ['22', '23']

/** The server answers, and is of no use: another connection may lead to another server. */
export class UselessServer extends StoreUnavailable {}

/** What was asked was not done: its tables are not there, or not any more. */
export class MissingTables extends StoreUnavailable {}

/** Of a table, and of a schema, that is not there. */
const MISSING = ['42P01', '3F000']

/** Says where, never with what password. */
export function storeErrorOf(cause: unknown, where: string): unknown {
  // A range error is a number of ours that is out of all bounds; asking again would not mend it.
  if (isOurs(cause) || cause instanceof RangeError) return cause
  const error = cause instanceof Error ? cause : new Error(String(cause))
  if (ABOUT_THE_DATA.includes(sqlStateOf(error)?.slice(0, 2) ?? '')) return error
  const Unavailable = MISSING.includes(sqlStateOf(error) ?? '') ? MissingTables : StoreUnavailable
  return new Unavailable(`PostgreSQL at ${where} ${saying(codeOf(error), error)}`, { cause: error })
}

/** After these a connection is of no more use: the server goes, or it is one that cannot be written to. */
export function spoilsConnection(cause: unknown): boolean {
  const code = cause instanceof Error ? sqlStateOf(cause) : undefined
  if (code === undefined) return !isOurs(cause) || cause instanceof UselessServer
  return READ_ONLY.includes(code) || code.startsWith('57P') || code.startsWith('08') || code.startsWith('XX')
}

const READ_ONLY = ['25006', '25P02']

function isOurs(cause: unknown): boolean {
  return (
    cause instanceof StoreUnavailable || cause instanceof StoreConflict || cause instanceof StoreSchemaError
  )
}

function saying(code: string | undefined, error: Error): string {
  switch (code) {
    case '25006':
      return 'takes no writes: it is a replica, or set to read only; point the address at the primary server'
    case '57014':
    case '55P03':
      return `did not finish a statement in time (${error.message})`
    case '53100':
      return 'has no room left on its disk'
    case '53300':
      return 'has no connections left; raise max_connections there, or lower the pool here'
    case '28P01':
    case '28000':
      return `does not let this user in (${error.message})`
    case '42501':
      return `does not let this user do that (${error.message})`
    case 'ECONNREFUSED':
      return 'refuses connections'
    default:
      return `does not answer (${code === undefined ? '' : `${code}: `}${error.message})`
  }
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Of what the server said; the way to it has codes of its own. */
function sqlStateOf(error: Error): string | undefined {
  return 'severity' in error ? codeOf(error) : undefined
}
