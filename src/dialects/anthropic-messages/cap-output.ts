/** Tells a Messages request how long its answer may be: thinking counts as a part of it, and must leave room for words. */

import { isJsonObject, type JsonObject, numberOf } from '../../std/json.ts'
import { capFields } from '../cap-output.ts'

/** The API takes no smaller budget for thinking. */
const BUDGET_TOKENS_MIN = 1_024

/** Where the ceiling leaves no room for the thinking that was asked for, there is less of it, or none. */
export function capOutput(fields: JsonObject, tokens: number): JsonObject {
  const capped = capFields(fields, tokens, [['max_tokens']])
  const { thinking } = capped
  if (!isJsonObject(thinking)) return capped
  const budget = numberOf(thinking['budget_tokens'])
  const ceiling = numberOf(capped['max_tokens']) ?? tokens
  if (budget === undefined || budget < ceiling) return capped
  if (ceiling > BUDGET_TOKENS_MIN)
    return { ...capped, thinking: { ...thinking, budget_tokens: BUDGET_TOKENS_MIN } }
  return { ...capped, thinking: { type: 'disabled' } }
}
