/** Ids of tool calls: Gemini before its third generation gives none, and every other dialect needs one. */

const CHARS_MAX = 40

/** The same for the same place in the same answer, in characters that every dialect takes. */
export function syntheticCallId(key: string, candidate: number, ordinal: number): string {
  const place = candidate === 0 ? String(ordinal) : `${candidate}_${ordinal}`
  const suffix = `_${place}`
  const safe = key.replaceAll(/[^A-Za-z0-9_-]/g, '').slice(0, CHARS_MAX - 'call_'.length - suffix.length)
  return `call_${safe}${suffix}`
}

/** The id the provider gave, if it is one that every dialect takes. */
export function usableId(id: unknown): string | undefined {
  return typeof id === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(id) ? id : undefined
}
