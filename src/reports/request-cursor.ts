/** How stores write the place of a page of requests: its time, ms since 1970, and what tells it from others of that time. */

/** By the number of the row. */
const SHAPES: Readonly<Record<string, RegExp>> = { sqlite: /^-?\d{1,15}\.\d{1,15}$/ }
/** By the request's id. */
const NAMED = /^-?\d{1,16}\.(?=.*\D)\S{1,200}$/

/** Whether a store of this kind may have given the cursor; that of another means nothing to it, as after a migration. */
export function isRequestCursor(cursor: string, storeKind: string): boolean {
  return (SHAPES[storeKind] ?? NAMED).test(cursor)
}
