/**
 * Cursors of requests and of audit lines are the store's, which answers one that nobody gave out with no rows at all: a
 * caller who cut one short would take that for the end of the list.
 */

import { isRequestCursor } from '../../reports/request-cursor.ts'
import { invalid } from './problem.ts'

/** The place of a line. */
const AUDIT_LINE = /^[1-9]\d{0,15}$/

export function requestCursor(cursor: string | undefined, storeKind: string): string | undefined {
  return given(cursor, (text) => isRequestCursor(text, storeKind))
}

export function auditCursor(cursor: string | undefined): string | undefined {
  return given(cursor, (text) => AUDIT_LINE.test(text))
}

function given(cursor: string | undefined, isGiven: (text: string) => boolean): string | undefined {
  if (cursor === undefined || isGiven(cursor)) return cursor
  throw invalid('cursor', 'This is none that a page gave.')
}
