/**
 * Where an answer is made, as far as that has a price. Anthropic takes a tenth more, of every kind of token, for what stays
 * in the United States: its field `inference_geo`, or what its workspace has for those who send none
 * (platform.claude.com, "Data residency").
 */

/** Parts of ten of the usual price. */
export const USUAL_TENTHS = 10
export const US_TENTHS = 11

/** What a place costs, in parts of ten of the usual price; `undefined` where nobody published it. */
export function tenthsIn(place: string | undefined): number | undefined {
  const name = place?.toLowerCase() ?? ''
  if (name === 'us') return US_TENTHS
  return ANYWHERE.has(name) ? USUAL_TENTHS : undefined
}

/** The last is what models tell that cannot be asked for a place. */
const ANYWHERE: ReadonlySet<string> = new Set(['', 'global', 'not_available'])
