/**
 * Cursors of requests and of audit lines are the store's, which answers one that nobody gave out with no rows at all: a
 * caller who cut one short would take that for the end of the list.
 */

import { invalid } from './problem.ts'

/** The time of a request, ms since 1970, and what tells it from others of that time. */
const REQUEST = /^-?\d{1,16}\.\S{1,200}$/
/** The place of a line. */
const AUDIT_LINE = /^[1-9]\d{0,15}$/

export function requestCursor(cursor: string | undefined): string | undefined {
  return given(cursor, REQUEST)
}

export function auditCursor(cursor: string | undefined): string | undefined {
  return given(cursor, AUDIT_LINE)
}

function given(cursor: string | undefined, shape: RegExp): string | undefined {
  if (cursor === undefined || shape.test(cursor)) return cursor
  throw invalid('cursor', 'This is none that a page gave.')
}
