/**
 * What a request refers to (an earlier answer, items of one), looked up among the answers kept here. Whoever made an
 * answer remembers it too and may be sent the request as it stands; everybody else is told the conversation in full.
 */

import type { Envelope } from '../canonical/envelope.ts'
import type { ConversationFace, References } from '../dialects/dialect.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Exchange, ReferringRequest } from '../execution/exchange.ts'
import type { Owner, ResponseStore, StoredResponse } from '../archive/response-store.ts'

export interface FoundRequest {
  readonly references: References
  readonly referring: ReferringRequest | undefined
}

/** `undefined` for a dialect in which nothing can be referred to. */
export function findReferences(
  exchange: Exchange,
  owner: Owner,
  store: ResponseStore,
): FoundRequest | undefined {
  const { conversation } = exchange.dialect
  if (conversation === undefined || exchange.operation !== 'chat') return undefined
  const references = conversation.readReferences(exchange.body, exchange.envelope)
  const isReferring = references.previousId !== undefined || references.itemIds.length > 0
  return {
    references,
    referring: isReferring ? new Referring({ exchange, conversation, references, owner, store }) : undefined,
  }
}

interface Asked {
  readonly exchange: Exchange
  readonly conversation: ConversationFace
  readonly references: References
  readonly owner: Owner
  readonly store: ResponseStore
}

class Referring implements ReferringRequest {
  readonly #asked: Asked
  readonly #previous: StoredResponse | undefined
  readonly #isElsewhere: boolean
  #inFull: { readonly body: Uint8Array; readonly envelope: Envelope } | undefined

  constructor(asked: Asked) {
    const { references, store, owner } = asked
    const { previousId, itemIds } = references
    this.#asked = asked
    this.#previous = previousId === undefined ? undefined : store.get(previousId, owner)
    this.#isElsewhere =
      (previousId !== undefined && this.#previous === undefined) ||
      itemIds.some((id) => store.item(id, owner) === undefined)
  }

  get maker(): string | undefined {
    return this.#previous?.maker
  }

  get isComplete(): boolean {
    return !this.#isElsewhere
  }

  /** What is not kept here was made somewhere: a target of the same dialect may know it, and says so if not. */
  isKnownTo(target: { readonly id: string }): boolean {
    return this.#isElsewhere || (this.maker !== undefined && this.maker === target.id)
  }

  inFull(): { readonly body: Uint8Array; readonly envelope: Envelope } {
    this.#inFull ??= this.#sayInFull()
    return this.#inFull
  }

  #sayInFull() {
    const { exchange, conversation, references, owner, store } = this.#asked
    const { previousId } = references
    const history = previousId === undefined ? [] : store.history(previousId, owner)
    if (history === undefined) throw forgotten(previousId ?? '')
    const body = conversation.resolve(exchange.body, { history, item: (id) => store.item(id, owner) })
    return { body, envelope: exchange.dialect.peek(body, exchange.operation, exchange.named) }
  }
}

const ID_SHOWN_MAX = 80

export function forgotten(id: string): GatewayError {
  return new GatewayError(
    'previous_response_not_found',
    `The response "${id.slice(0, ID_SHOWN_MAX)}" is not kept here: it is older than a day, made elsewhere, or unknown.`,
    { param: 'previous_response_id' },
  )
}
