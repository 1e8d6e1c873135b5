/** What a request needs, found out as late as possible: bytes are searched first, and decoded only if they may matter. */

import type { Envelope } from '../canonical/envelope.ts'
import { type Ability, CHARACTERS_PER_TOKEN_MAX, type Needs, needsOf } from '../canonical/needs.ts'
import type { InferenceRequest } from '../canonical/request.ts'
import { mayNameFiles, mayNeedAbility } from '../dialects/marks.ts'
import { GatewayError } from '../errors/gateway-error.ts'

export interface RequestNeeds {
  /** Whether the bytes speak of anything that calls for this ability; `false` is certain, `true` is not. */
  mayNeed(ability: Ability): boolean
  /** As `mayNeed`, of files named by their ids. */
  mayNameFiles(): boolean
  readonly bodyBytes: number
  /** The needs themselves; `undefined` where the request cannot be read, which is for others to say. */
  get(): Needs | undefined
}

export interface NeedsSource {
  readonly envelope: Envelope
  readonly body: Uint8Array
  /** Decodes the request; asked at most once. */
  readonly decode: () => InferenceRequest
}

export function createRequestNeeds({ envelope, body, decode }: NeedsSource): RequestNeeds {
  let read: { readonly needs: Needs | undefined } | undefined
  return {
    mayNeed: (ability) => mayNeedAbility(body, ability),
    mayNameFiles: () => mayNameFiles(body),
    bodyBytes: envelope.bodyBytes,
    get() {
      read ??= { needs: readNeeds(decode) }
      return read.needs
    },
  }
}

/** Whether the input may certainly be too long for so many tokens: the text in a body is no longer than the body. */
export function mayExceed(needs: RequestNeeds, room: number): boolean {
  return needs.bodyBytes / CHARACTERS_PER_TOKEN_MAX > room
}

/** A request that is wrong is refused with its reason by whoever translates it, or by the provider. */
function readNeeds(decode: () => InferenceRequest): Needs | undefined {
  try {
    return needsOf(decode())
  } catch (error) {
    if (error instanceof GatewayError) return undefined
    throw error
  }
}
