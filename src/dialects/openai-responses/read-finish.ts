/** Why a response ended, from its status and its details. */

import type { Finish } from '../../canonical/finish.ts'
import { type JsonObject, objectOf, stringOf } from '../../std/json.ts'

/** `undefined` where it has not ended: queued or in progress. `hasCalls`: a tool waits for the client. */
export function readFinish(response: JsonObject, hasCalls: boolean): Finish | undefined {
  const status = stringOf(response['status'])
  if (status === 'queued' || status === 'in_progress') return undefined
  const why = stringOf(objectOf(response['incomplete_details'])?.['reason'])
  if (status === 'incomplete' || why !== undefined) return incomplete(why)
  return { reason: hasCalls ? 'tool-calls' : 'stop', raw: status ?? 'completed' }
}

function incomplete(why: string | undefined): Finish {
  switch (why) {
    case 'max_output_tokens':
    case 'max_tokens':
      return { reason: 'length', raw: why }
    case 'content_filter':
      return { reason: 'content-filter', raw: why }
    default:
      return { reason: 'other', raw: why ?? 'incomplete' }
  }
}
