/**
 * Cursors of requests and of audit lines are the store's, which answers one that nobody gave out with no rows at all: a
 * caller who cut one short would take that for the end of the list.
 */

import { invalid } from './problem.ts'

/** The time of a request, ms since 1970, and what tells it from others of that time: its number in SQLite's file, else its id. */
const REQUEST = { numbered: /^-?\d{1,15}\.\d{1,15}$/, named: /^-?\d{1,16}\.(?=.*\D)\S{1,200}$/ }
/** The place of a line. */
const AUDIT_LINE = /^[1-9]\d{0,15}$/

/** `storeKind`: a cursor of one store means nothing to another, as after a migration. */
export function requestCursor(cursor: string | undefined, storeKind: string): string | undefined {
  return given(cursor, storeKind === 'sqlite' ? REQUEST.numbered : REQUEST.named)
}

export function auditCursor(cursor: string | undefined): string | undefined {
  return given(cursor, AUDIT_LINE)
}

function given(cursor: string | undefined, shape: RegExp): string | undefined {
  if (cursor === undefined || shape.test(cursor)) return cursor
  throw invalid('cursor', 'This is none that a page gave.')
}
