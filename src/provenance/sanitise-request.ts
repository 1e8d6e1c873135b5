/**
 * Takes out of a request what its target did not make and could not read: signatures, encrypted reasoning, ids of files.
 * The rule, for each piece: its maker is who its seal names, else who is remembered to have made it, else the company
 * whose protocol the client speaks. It goes to its maker and to nobody else.
 */

import type {
  AudioPart,
  DocumentPart,
  ImagePart,
  Message,
  Part,
  ReasoningPart,
  TextPart,
  ToolCallPart,
} from '../canonical/message.ts'
import type { Loss } from '../canonical/loss.ts'
import type { InferenceRequest } from '../canonical/request.ts'
import { type LostState, stateLoss } from '../canonical/state-losses.ts'
import type { StateMakers, StateReader } from './state-makers.ts'

export interface SanitiseOptions extends StateReader {
  readonly makers: StateMakers
}

export interface SanitisedRequest {
  readonly request: InferenceRequest
  /** Every kind of state that was taken out, once. */
  readonly losses: readonly Loss[]
}

/** The request itself where nothing had to go. */
export function sanitiseRequest(request: InferenceRequest, options: SanitiseOptions): SanitisedRequest {
  const pass = new Sanitiser(options)
  const messages = pass.messages(request.messages)
  return { request: messages === request.messages ? request : { ...request, messages }, losses: pass.losses }
}

class Sanitiser {
  readonly #options: SanitiseOptions
  readonly #lost = new Set<LostState>()

  constructor(options: SanitiseOptions) {
    this.#options = options
  }

  get losses(): readonly Loss[] {
    return [...this.#lost].map(stateLoss)
  }

  /** A message that held nothing else goes with what it held. */
  messages(messages: readonly Message[]): readonly Message[] {
    return mapKept(messages, (message) => {
      const parts = this.#parts(message.parts)
      if (parts === message.parts) return message
      return parts.length === 0 ? undefined : { ...message, parts }
    })
  }

  #parts(parts: readonly Part[]): readonly Part[] {
    return mapKept(parts, (part) => this.#part(part))
  }

  #part(part: Part): Part | undefined {
    switch (part.type) {
      case 'reasoning':
        return this.#reasoning(part)
      case 'text':
      case 'tool-call':
        return this.#signed(part)
      case 'image':
      case 'audio':
      case 'document':
        return this.#media(part)
      case 'tool-result': {
        const parts = this.#parts(part.parts)
        return parts === part.parts ? part : { ...part, parts }
      }
      case 'refusal':
      case 'opaque':
        return part
    }
  }

  /** The words stay: whether a target takes reasoning without proof is for its dialect to say. */
  #reasoning(part: ReasoningPart): ReasoningPart | undefined {
    const hasForeignProof = this.#loses('reasoning_signature', part.signature, part.origin)
    const hasForeignSecret = this.#loses('encrypted_reasoning', part.encrypted, part.origin)
    if (!hasForeignProof && !hasForeignSecret) return this.#words(part)
    const { signature, encrypted, id: _id, origin: _origin, ...rest } = part
    const kept = {
      ...rest,
      ...(signature === undefined || hasForeignProof ? {} : { signature }),
      ...(encrypted === undefined || hasForeignSecret ? {} : { encrypted }),
    }
    const isEmpty = kept.text === '' && kept.signature === undefined && kept.encrypted === undefined
    return isEmpty ? undefined : kept
  }

  /** Words without proof are nobody's own any more at a target that did not write them. */
  #words(part: ReasoningPart): ReasoningPart {
    if (part.origin === undefined || part.origin === this.#options.origin) return part
    const { origin: _origin, ...rest } = part
    return rest
  }

  #signed(part: TextPart | ToolCallPart): Part | undefined {
    if (!this.#loses('thought_signature', part.signature, part.origin)) return part
    const { signature: _signature, origin: _origin, ...rest } = part
    return rest.type === 'text' && rest.text === '' ? undefined : rest
  }

  /** Something stands in its place, so that the rest of the message still makes sense. */
  #media(part: ImagePart | AudioPart | DocumentPart): Part {
    const { source } = part
    if (source.kind !== 'file' || !this.#loses('file_id', source.fileId, undefined)) return part
    const said = part.type === 'audio' ? part.transcript : undefined
    return { type: 'text', text: said ?? `[${nouns[part.type]} stood here that could not be passed on]` }
  }

  /** Whether this piece may not be sent; it is then noted as lost. */
  #loses(kind: LostState, state: string | undefined, origin: string | undefined): boolean {
    if (state === undefined) return false
    const { makers } = this.#options
    const isForeign =
      origin === undefined ? makers.isForeign(state, this.#options) : origin !== this.#options.origin
    if (isForeign) this.#lost.add(kind)
    return isForeign
  }
}

const nouns = { image: 'an image', audio: 'a sound', document: 'a document' } as const

/** The list itself where nothing changed: most requests hold no state at all. */
function mapKept<Item>(items: readonly Item[], change: (item: Item) => Item | undefined): readonly Item[] {
  let changed: Item[] | undefined
  for (const [index, item] of items.entries()) {
    const kept = change(item)
    if (kept === item && changed === undefined) continue
    changed ??= items.slice(0, index)
    if (kept !== undefined) changed.push(kept)
  }
  return changed ?? items
}
