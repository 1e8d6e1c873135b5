/**
 * What a request refers to (an earlier answer, items of one), looked up among the answers kept here. Whoever made an
 * answer remembers it too and may be sent the request as it stands; everybody else is told the conversation in full.
 */

import type { Envelope } from '../canonical/envelope.ts'
import type { ConversationFace, References } from '../dialects/dialect.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Exchange, ReferringRequest } from '../execution/exchange.ts'
import type { JsonObject } from '../std/json.ts'
import type { ResponseStore } from '../archive/response-store.ts'
import type { Owner } from '../archive/stored-response.ts'

export interface FoundRequest {
  readonly references: References
  readonly referring: ReferringRequest | undefined
}

/** Whose answers may be referred to, and where. */
export interface Archive {
  readonly owner: Owner
  readonly store: ResponseStore
  /** Told how many bytes a request grows by; throws where there is no room for them. */
  readonly hold: (bytes: number) => void
}

/**
 * `undefined` for a dialect in which nothing can be referred to. Throws where somebody else's answer is meant: a provider
 * knows it as ours and would not tell them apart.
 */
export function findReferences(exchange: Exchange, archive: Archive): FoundRequest | undefined {
  const { conversation } = exchange.dialect
  if (conversation === undefined || exchange.operation !== 'chat') return undefined
  const references = conversation.readReferences(exchange.body, exchange.envelope)
  const isReferring = references.previousId !== undefined || references.itemIds.length > 0
  if (!isReferring) return { references, referring: undefined }
  refuseOthers(references, archive)
  return { references, referring: new Referring({ exchange, conversation, references, archive }) }
}

function refuseOthers({ previousId, itemIds }: References, { owner, store }: Archive): void {
  if (previousId !== undefined && store.isOthers(previousId, owner)) throw forgotten(previousId)
  const itemId = itemIds.find((id) => store.isOthers(id, owner))
  if (itemId === undefined) return
  const message = `The item "${itemId.slice(0, ID_SHOWN_MAX)}" is not kept here.`
  throw new GatewayError('response_not_found', message, { param: 'input' })
}

/** A request in full may be as large as one that says everything itself. */
export const CONVERSATION_BYTES_MAX = 32 * 1_048_576

interface Asked {
  readonly exchange: Exchange
  readonly conversation: ConversationFace
  readonly references: References
  readonly archive: Archive
}

interface SaidInFull {
  readonly body: Uint8Array
  readonly envelope: Envelope
}

class Referring implements ReferringRequest {
  readonly #asked: Asked
  readonly #maker: string | undefined
  readonly #isElsewhere: boolean
  /** What came of it: a refusal is as good for the next target as for the first. */
  #inFull: SaidInFull | GatewayError | undefined

  constructor(asked: Asked) {
    const { references, archive } = asked
    const { store, owner } = archive
    const { previousId, itemIds } = references
    this.#asked = asked
    const previous = previousId === undefined ? undefined : store.get(previousId, owner)
    this.#maker = previous?.maker
    this.#isElsewhere =
      (previousId !== undefined && previous === undefined) ||
      itemIds.some((id) => store.item(id, owner) === undefined)
  }

  get maker(): string | undefined {
    return this.#maker
  }

  get isComplete(): boolean {
    return !this.#isElsewhere
  }

  /** What is not kept here was made somewhere: a target of the same dialect may know it, and says so if not. */
  isKnownTo(target: { readonly id: string }): boolean {
    return this.#isElsewhere || (this.maker !== undefined && this.maker === target.id)
  }

  inFull(): SaidInFull {
    this.#inFull ??= this.#tryInFull()
    if (this.#inFull instanceof GatewayError) throw this.#inFull
    return this.#inFull
  }

  #tryInFull(): SaidInFull | GatewayError {
    try {
      return this.#sayInFull()
    } catch (error) {
      if (error instanceof GatewayError) return error
      throw error
    }
  }

  #sayInFull(): SaidInFull {
    const { exchange, conversation, references, archive } = this.#asked
    const { owner, store, hold } = archive
    const grow = growing(exchange.body.length, hold)
    const body = conversation.resolve(exchange.body, {
      history: this.#history(references, grow),
      item: (id) => {
        const item = store.item(id, owner)
        grow(item?.bytes ?? 0)
        return item?.read()
      },
    })
    return { body, envelope: exchange.dialect.peek(body, exchange.operation, exchange.named) }
  }

  #history({ previousId }: References, grow: (bytes: number) => void): readonly JsonObject[] {
    if (previousId === undefined) return []
    const { owner, store } = this.#asked.archive
    const history = store.history(previousId, owner)
    if (history === undefined) throw forgotten(previousId)
    grow(history.bytes)
    return history.read()
  }
}

/** A short request may refer to a large item many times over: what it grows by is counted before it is read. */
function growing(ownBytes: number, hold: (bytes: number) => void): (bytes: number) => void {
  let inAll = ownBytes
  return (bytes) => {
    inAll += bytes
    if (inAll > CONVERSATION_BYTES_MAX) {
      const message = `With all that it refers to, the request is larger than ${CONVERSATION_BYTES_MAX} bytes.`
      throw new GatewayError('body_too_large', message, { param: 'input' })
    }
    hold(bytes)
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
