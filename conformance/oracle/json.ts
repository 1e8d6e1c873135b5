/** Questions the oracle asks of parsed JSON. It shares no code with the dialects that it judges. */

export interface Fields {
  readonly [name: string]: unknown
}

/** The fields of an object; of anything else, none. */
export function fieldsOf(value: unknown): Fields {
  // Every object has string keys with unknown values.
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** A count; 0 where none was reported. */
export function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 1e9 ? value : 0
}

/** Whether anything stands there: an empty object and an empty list are nothing. */
export function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}

/** Parsed, or `undefined`. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
