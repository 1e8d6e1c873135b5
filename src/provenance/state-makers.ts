/**
 * Remembers who made a signature or a piece of encrypted reasoning that passed through as it stood. Of each only a hash
 * is kept. What is not remembered (the process was restarted, the client kept it for long, it was made elsewhere) is
 * judged by the client's dialect: raw state in Anthropic's words was made by Anthropic unless we know better, so it
 * goes to Anthropic and to nobody else.
 */

import { hash } from 'node:crypto'
import { RecentMap } from './recent-map.ts'

/** State is remembered of so many pieces; beyond it the oldest is forgotten. About 10 MB. */
export const STATE_ENTRIES_MAX = 100_000

export interface StateMakers {
  /** `state`: a signature, encrypted reasoning, or the id of a file; `origin`: whose it is (`Provider.stateOrigin`). */
  remember(state: string, origin: string): void
  makerOf(state: string): string | undefined
  /** Whether `reader` must not be sent what a client sent without a seal. */
  isForeign(state: string, reader: StateReader): boolean
}

export interface StateReader {
  /** Whose state the target can read. */
  readonly origin: string
  /** Whose state it is where nobody remembers (`homeOriginOf` of the client's dialect). */
  readonly homeOrigin: string
}

export function createStateMakers({ entriesMax = STATE_ENTRIES_MAX } = {}): StateMakers {
  const makers = new RecentMap<string>({ entriesMax })
  const makerOf = (state: string) => makers.get(digest(state))
  return {
    remember(state, origin) {
      if (state !== '') makers.set(digest(state), origin)
    },
    makerOf,
    isForeign: (state, { origin, homeOrigin }) => (makerOf(state) ?? homeOrigin) !== origin,
  }
}

const DIGEST_CHARACTERS = 16

/** 64 bits: among 100,000 entries a false match has a chance of one in 10^14, and costs a refused signature. */
function digest(state: string): string {
  return hash('sha1', state, 'hex').slice(0, DIGEST_CHARACTERS)
}
