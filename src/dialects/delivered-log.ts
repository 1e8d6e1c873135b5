/** Keeps account of what a client was given of an answer, from the answer's events, and of why nobody else may go on with it. */

import type { InferenceEvent } from '../canonical/event.ts'
import type { Delivered, DeliveredPart } from './dialect.ts'

interface Growing {
  readonly type: DeliveredPart['type']
  readonly id: string
  readonly name: string
  readonly pieces: string[]
  isOpen: boolean
}

export interface DeliveredLogOptions {
  /** Whether reasoning that is still open may get a proof of the whole of it: nobody else can make that. */
  readonly signsReasoning: boolean
}

export class DeliveredLog {
  readonly #signsReasoning: boolean
  /** By their number in the answer. */
  readonly #parts = new Map<number, Growing>()
  #obstacle: string | undefined

  constructor({ signsReasoning }: DeliveredLogOptions) {
    this.#signsReasoning = signsReasoning
  }

  /** Nobody may go on; the first reason counts. */
  forbid(reason: string): void {
    this.#obstacle ??= reason
  }

  add(event: InferenceEvent): void {
    if ('candidate' in event && event.candidate !== 0) return this.forbid('there is more than one candidate')
    switch (event.type) {
      case 'text-start':
        return this.#open(event.part, 'text')
      case 'reasoning-start':
        return this.#open(event.part, 'reasoning')
      case 'refusal-start':
        this.forbid('it is a refusal')
        return this.#open(event.part, 'refusal')
      case 'tool-call-start':
        if (event.kind === 'provider') this.forbid('the provider runs tools of its own')
        return this.#open(event.part, 'tool-call', event)
      case 'text-delta':
      case 'reasoning-delta':
      case 'refusal-delta':
        return this.#grow(event.part, event.text)
      case 'tool-call-delta':
        return this.#grow(event.part, event.argumentsDelta)
      case 'text-end':
      case 'reasoning-end':
      case 'refusal-end':
      case 'tool-call-end':
        return this.#close(event.part)
      case 'opaque':
        this.forbid('it has a part that only its own provider can say')
        this.#open(event.part, 'opaque')
        return this.#close(event.part)
      case 'logprobs-delta':
        return this.forbid('it comes with log probabilities')
      default:
    }
  }

  get delivered(): Delivered {
    const growing = [...this.#parts].sort(([left], [right]) => left - right).map(([, part]) => part)
    const parts = growing.map(partOf)
    const reason = this.#obstacle ?? this.#obstacleIn(parts)
    return {
      text: parts.map((part) => (part.type === 'text' ? part.text : '')).join(''),
      parts,
      hasToolCalls: parts.some(({ type }) => type === 'tool-call'),
      isRescuable: reason === undefined,
      ...(reason === undefined ? {} : { reason }),
    }
  }

  /** The number of the last part, where it is a text that nothing has ended. */
  get openText(): number | undefined {
    const [number, part] = [...this.#parts].at(-1) ?? []
    return part?.type === 'text' && part.isOpen ? number : undefined
  }

  #obstacleIn(parts: readonly DeliveredPart[]): string | undefined {
    const open = parts.findIndex(({ isOpen }) => isOpen)
    if (open < 0) return undefined
    if (open < parts.length - 1) return 'its parts overlap'
    const type = parts[open]?.type
    if (type === 'tool-call') return 'it broke off inside a tool call'
    return type === 'reasoning' && this.#signsReasoning ? 'it broke off inside signed reasoning' : undefined
  }

  #open(
    part: number,
    type: DeliveredPart['type'],
    call?: { readonly id: string; readonly name: string },
  ): void {
    this.#parts.set(part, { type, id: call?.id ?? '', name: call?.name ?? '', pieces: [], isOpen: true })
  }

  #grow(part: number, piece: string): void {
    this.#parts.get(part)?.pieces.push(piece)
  }

  #close(part: number): void {
    const known = this.#parts.get(part)
    if (known !== undefined) known.isOpen = false
  }
}

function partOf({ type, id, name, pieces, isOpen }: Growing): DeliveredPart {
  const text = pieces.join('')
  switch (type) {
    case 'tool-call':
      return { type, id, name, arguments: text, isOpen }
    case 'opaque':
      return { type, isOpen: false }
    default:
      return { type, text, isOpen }
  }
}
