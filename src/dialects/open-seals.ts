/**
 * Opens the seals that an answer of ours put around state (canonical/seal.ts) when a client sends it back, so that each
 * part says whose its signature is. Parts without a seal stay as they are.
 */

import type { Part, ReasoningPart } from '../canonical/message.ts'
import { openState, type SealedState } from '../canonical/seal.ts'

/** The parts of one message. A seal of kind `next` goes, as a signature, onto the part after the one that carries it. */
export function openSeals(parts: readonly Part[]): readonly Part[] {
  if (!parts.some(isSigned)) return parts
  const opened: Part[] = []
  let next: SealedState | undefined
  for (const part of parts) {
    const state = part.type === 'reasoning' ? openReasoning(part) : openSigned(part)
    if (state.next !== undefined) next = state.next
    if (state.part === undefined) continue
    opened.push(next === undefined ? state.part : withSignature(state.part, next))
    next = undefined
  }
  return opened
}

interface Opened {
  readonly part?: Part
  readonly next?: SealedState
}

function isSigned(part: Part): boolean {
  if ('signature' in part && part.signature !== undefined) return true
  return part.type === 'reasoning' && part.encrypted !== undefined
}

function openSigned(part: Part): Opened {
  if (part.type !== 'text' && part.type !== 'tool-call') return { part }
  const state = part.signature === undefined ? undefined : openState(part.signature)
  return { part: state === undefined ? part : withSignature(part, state) }
}

/** Its text may carry what proves it, what encrypts it, or what belongs to the part after it. */
function openReasoning(part: ReasoningPart): Opened {
  const { signature, encrypted, ...rest } = part
  const proof = signature === undefined ? undefined : openState(signature)
  const secret = encrypted === undefined ? undefined : openState(encrypted)
  const origin = proof?.origin ?? secret?.origin
  if (origin === undefined) return { part }
  if (proof?.kind === 'next') return { next: proof, ...(rest.text === '' ? {} : { part: rest }) }
  const whole = secret?.value ?? encrypted
  const value = proof?.value ?? signature
  const isEncrypted = proof?.kind === 'encrypted'
  return {
    part: {
      ...rest,
      origin,
      // An empty value seals words that have no proof: only whose they are.
      ...(value ? (isEncrypted ? { encrypted: value } : { signature: value }) : {}),
      ...(whole === undefined ? {} : { encrypted: whole }),
    },
  }
}

function withSignature(part: Part, { origin, value }: SealedState): Part {
  if (part.type !== 'text' && part.type !== 'tool-call') return part
  return { ...part, signature: value, origin }
}
