/** Notes who made the state in an answer that is read event by event: what a client may send back without a seal. */

import type { InferenceEvent } from '../canonical/event.ts'
import type { StateMakers } from './state-makers.ts'
import type { ToolCallSignatures } from './tool-call-signatures.ts'

export interface StateMemory {
  readonly makers: StateMakers
  readonly calls: ToolCallSignatures
}

/** Tool calls of one answer that are open at once and watched; more are not. */
const OPEN_CALLS_MAX = 512

export class StateWatch {
  readonly #memory: StateMemory
  readonly #origin: string
  readonly #open = new Map<string, { readonly id: string; readonly name: string }>()

  constructor(memory: StateMemory, origin: string) {
    this.#memory = memory
    this.#origin = origin
  }

  note(event: InferenceEvent): void {
    switch (event.type) {
      case 'tool-call-start':
        if (this.#open.size < OPEN_CALLS_MAX) this.#open.set(placeOf(event), event)
        return
      case 'tool-call-end':
        return this.#noteCall(placeOf(event), event.signature)
      case 'text-end':
        return this.#remember(event.signature)
      case 'reasoning-end':
        this.#remember(event.signature)
        return this.#remember(event.encrypted)
      default:
    }
  }

  #noteCall(place: string, signature: string | undefined): void {
    const call = this.#open.get(place)
    this.#open.delete(place)
    this.#remember(signature)
    if (call === undefined || signature === undefined) return
    const { id, name } = call
    this.#memory.calls.remember({ id, name, signature, origin: this.#origin })
  }

  #remember(state: string | undefined): void {
    if (state !== undefined) this.#memory.makers.remember(state, this.#origin)
  }
}

function placeOf({ candidate, part }: { readonly candidate: number; readonly part: number }): string {
  return `${candidate}:${part}`
}
