/** What clients do with answers they come back to: read, follow, cancel, delete. */

import { GatewayError } from '../errors/gateway-error.ts'
import type { ResponseStore } from '../archive/response-store.ts'
import type { StoredResponse } from '../archive/stored-response.ts'
import type { BackgroundAnswers } from './background-answers.ts'
import type { Caller, KeptAnswers } from './gateway.ts'

export function createKeptAnswers(store: ResponseStore, background: BackgroundAnswers): KeptAnswers {
  const stored = (id: string, { keyName }: Caller): StoredResponse => {
    const found = store.get(id, keyName)
    if (found === undefined) throw unknownAnswer(id)
    return found
  }
  return {
    get: (id, caller) => stored(id, caller).answer,
    inputItems: (id, caller) => stored(id, caller).input,
    delete(id, caller) {
      stored(id, caller)
      background.forget(id, caller.keyName)
      store.delete(id, caller.keyName)
    },
    cancel(id, caller) {
      stored(id, caller)
      background.cancel(id, caller.keyName)
      return stored(id, caller).answer
    },
    follow(id, caller, sequence) {
      stored(id, caller)
      const events = background.follow(id, caller.keyName, sequence)
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
