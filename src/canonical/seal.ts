/**
 * State that only its maker can read back (thinking signatures, thought signatures, encrypted reasoning), on its way
 * through a client that speaks another dialect: sealed with the name of its maker, so that it returns to nobody else.
 * A seal is base64, since some SDKs decode such fields, and needs no memory of ours: it survives a restart.
 */

export interface SealedState {
  /** Who made it and can read it: `Provider.stateOrigin`. */
  readonly origin: string
  readonly value: string
}

/** Nine bytes, so that its base64 form is a prefix of the whole's. */
const MARK = 'holdfast:'
const MARK_BASE64 = Buffer.from(MARK).toString('base64')

export function sealState({ origin, value }: SealedState): string {
  return Buffer.from(`${MARK}${origin}\n${value}`).toString('base64')
}

/** What a seal holds; `undefined` where the text is no seal of ours but a maker's own words. */
export function openState(text: string): SealedState | undefined {
  if (!text.startsWith(MARK_BASE64)) return undefined
  const opened = Buffer.from(text, 'base64').toString()
  const end = opened.indexOf('\n')
  if (end < 0) return undefined
  return { origin: opened.slice(MARK.length, end), value: opened.slice(end + 1) }
}

/** What every seal begins with: a body without it holds none. */
export const SEAL_PREFIX: string = MARK_BASE64
