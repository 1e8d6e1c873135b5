/** What clients do with answers they come back to: read, follow, cancel, delete. */

import { ownerOf } from './caller-owner.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { ResponseStore } from '../archive/response-store.ts'
import type { StoredResponse } from '../archive/stored-response.ts'
import type { BackgroundAnswers } from './background-answers.ts'
import type { Caller, KeptAnswers } from './gateway.ts'

export function createKeptAnswers(store: ResponseStore, background: BackgroundAnswers): KeptAnswers {
  const stored = (id: string, caller: Caller): StoredResponse => {
    const found = store.get(id, ownerOf(caller))
    if (found === undefined) throw unknownAnswer(id)
    return found
  }
  return {
    get: (id, caller) => stored(id, caller).answer,
    inputItems: (id, caller) => stored(id, caller).input,
    delete(id, caller) {
      stored(id, caller)
      background.forget(id, ownerOf(caller))
      store.delete(id, ownerOf(caller))
    },
    cancel(id, caller) {
      stored(id, caller)
      background.cancel(id, ownerOf(caller))
      return stored(id, caller).answer
    },
    follow(id, caller, sequence) {
      stored(id, caller)
      const events = background.follow(id, ownerOf(caller), sequence)
      if (events !== undefined) return events
      throw new GatewayError(
        'invalid_request',
        'The events of this response are not kept: only those of a response made with background and stream are.',
        { param: 'stream' },
      )
    },
  }
}

const ID_SHOWN_MAX = 80

function unknownAnswer(id: string): GatewayError {
  const shown = id.slice(0, ID_SHOWN_MAX)
  return new GatewayError('response_not_found', `There is no response "${shown}" here, or no longer.`)
}
