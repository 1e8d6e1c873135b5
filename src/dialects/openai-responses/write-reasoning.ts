/** How much to reason, and whether to show it. */

import type { ReasoningOptions } from '../../canonical/request.ts'
import type { JsonObject } from '../../std/json.ts'
import { EFFORT_BUDGETS } from '../openai-chat/write-request.ts'
import { withoutAbsent } from './fields.ts'
import type { Writing } from './write-tools.ts'

/** `rest` is what else the client said of reasoning in this dialect. */
export function writeReasoning(
  options: ReasoningOptions | undefined,
  rest: JsonObject | undefined,
  { isOwn, isOpenais, losses }: Writing,
): JsonObject | undefined {
  if (options === undefined) return rest
  const { mode, effort, display } = options
  if (isOwn) return { ...rest, ...withoutAbsent({ effort, summary: display }) }
  // OpenAI has the same words in both of its dialects: whoever said them in the one knows the model.
  if (isOpenais && effort !== undefined) return withoutAbsent({ effort, summary: summaryWord(options) })
  if (mode === 'off') {
    losses.add('thinking', 'the OpenAI Responses API cannot switch reasoning off for every model')
    return undefined
  }
  if (effort === 'max' || effort === 'xhigh')
    losses.add(
      'effort',
      `"high" is the most that every model of the OpenAI Responses API knows, not "${effort}"`,
    )
  const written = withoutAbsent({ effort: effortWord(options), summary: summaryWord(options) })
  return Object.keys(written).length === 0 ? undefined : written
}

function effortWord({ effort, budgetTokens }: ReasoningOptions): string | undefined {
  if (effort === 'max' || effort === 'xhigh') return 'high'
  if (effort !== undefined || budgetTokens === undefined) return effort
  for (const [word, budgetMax] of EFFORT_BUDGETS) if (budgetTokens <= budgetMax) return word
  return 'high'
}

/** Who asks for thinking with a budget is used to seeing it; who asks with a word of effort is not. */
function summaryWord({ mode, effort, display }: ReasoningOptions): string | undefined {
  if (display === 'omitted') return undefined
  if (display !== undefined) return ['auto', 'concise', 'detailed'].includes(display) ? display : 'auto'
  return mode !== undefined && effort === undefined ? 'auto' : undefined
}
