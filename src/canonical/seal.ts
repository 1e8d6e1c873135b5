/**
 * State that only its maker can read back (thinking signatures, thought signatures, encrypted reasoning), on its way
 * through a client that speaks another dialect: sealed with the name of its maker, so that it returns to nobody else.
 * A seal is base64, since some SDKs decode such fields, and needs no memory of ours: it survives a restart.
 */

export interface SealedState {
  /** Who made it and can read it: `Provider.stateOrigin`. */
  readonly origin: string
  readonly value: string
  /**
   * What the value is, where the field that carries the seal does not say it. `signature`: of the part it stands in.
   * `encrypted`: reasoning that the provider encrypted. `next`: a signature of the part after it, in a dialect that
   * has no place for one there.
   */
  readonly kind?: SealedKind
}

export type SealedKind = 'signature' | 'encrypted' | 'next'

/** Nine bytes, so that its base64 form is a prefix of the whole's. */
const MARK = 'holdfast:'
const MARK_BASE64 = Buffer.from(MARK).toString('base64')

/** One line says whose it is and, where that must be said, of what kind; the value follows. An origin holds no spaces. */
export function sealState({ origin, value, kind }: SealedState): string {
  const head = kind === undefined ? origin : `${origin} ${kind}`
  return Buffer.from(`${MARK}${head}\n${value}`).toString('base64')
}

/** What a seal holds; `undefined` where the text is no seal of ours but a maker's own words. */
export function openState(text: string): SealedState | undefined {
  if (!text.startsWith(MARK_BASE64)) return undefined
  const opened = Buffer.from(text, 'base64').toString()
  const end = opened.indexOf('\n')
  if (end < 0) return undefined
  const [origin = '', word] = opened.slice(MARK.length, end).split(' ')
  const kind = sealedKinds.find((known) => known === word)
  return { origin, value: opened.slice(end + 1), ...(kind === undefined ? {} : { kind }) }
}

const sealedKinds: readonly SealedKind[] = ['signature', 'encrypted', 'next']

/**
 * What stands in every seal: a body without it holds none. The first letter of the mark is left out: it is common, the
 * second is rare, and a search for it is 40 times as fast.
 */
export const SEAL_MARK: string = MARK_BASE64.slice(1)
