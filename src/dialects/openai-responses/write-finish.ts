/** How a response ends: its last event, its status and the details. */

import type { Finish } from '../../canonical/finish.ts'
import type { JsonObject } from '../../std/json.ts'

export interface ResponseEnd {
  readonly type: 'response.completed' | 'response.incomplete'
  readonly status: 'completed' | 'incomplete'
  readonly details: JsonObject | null
}

const COMPLETED: ResponseEnd = { type: 'response.completed', status: 'completed', details: null }

/** `hasRefusal`: the model refused in words, which is an answer like another in this dialect. */
export function endOf({ reason, raw }: Finish, hasRefusal: boolean): ResponseEnd {
  // Left incomplete without a word why, in this very dialect.
  if (reason === 'other' && raw === 'incomplete') return incomplete(undefined)
  switch (reason) {
    case 'length':
    case 'context-window':
      return incomplete('max_output_tokens')
    case 'content-filter':
      return incomplete('content_filter')
    case 'refusal':
      return hasRefusal ? COMPLETED : incomplete('content_filter')
    default:
      return COMPLETED
  }
}

function incomplete(reason: string | undefined): ResponseEnd {
  const details = reason === undefined ? null : { reason }
  return { type: 'response.incomplete', status: 'incomplete', details }
}
