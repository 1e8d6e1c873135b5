/**
 * How an ask for reasoning is said to Claude, and what it rules out. Anthropic has two ways: thinking with a budget of
 * tokens, and adaptive thinking steered by an effort; which one a model takes follows from its version (model-family.ts).
 *
 *   effort     budget_tokens        effort when adaptive
 *   minimal    1,024                low
 *   low        2,048                low
 *   medium     8,192                medium
 *   high       16,384               high
 *   xhigh      20,000               xhigh, or high up to 4.6
 *   max        20,000               max
 *
 * The budgets keep budget plus answer below the smallest output limit of a thinking model (32,000 tokens).
 */

import type { Message } from '../../canonical/message.ts'
import type { InferenceRequest, ReasoningOptions } from '../../canonical/request.ts'
import type { JsonObject } from '../../std/json.ts'
import { DIALECT } from './dialect-id.ts'
import type { LossList } from './losses.ts'
import { type ModelTraits, modelTraits } from './model-family.ts'

/** `max_tokens` where the client set no limit: Anthropic requires one, and every model since Claude 3.5 takes this. */
export const MAX_TOKENS_DEFAULT = 8192

/** The smallest budget Anthropic takes. */
const BUDGET_TOKENS_MIN = 1024

/** Least room for the answer beside the thinking. */
const ANSWER_TOKENS_MIN = 1

interface EffortRow {
  readonly budgetTokens: number
  readonly adaptive: string
}

const efforts: ReadonlyMap<string, EffortRow> = new Map([
  ['minimal', { budgetTokens: 1024, adaptive: 'low' }],
  ['low', { budgetTokens: 2048, adaptive: 'low' }],
  ['medium', { budgetTokens: 8192, adaptive: 'medium' }],
  ['high', { budgetTokens: 16_384, adaptive: 'high' }],
  ['xhigh', { budgetTokens: 20_000, adaptive: 'xhigh' }],
  ['max', { budgetTokens: 20_000, adaptive: 'max' }],
])

export interface WrittenReasoning {
  readonly thinking?: JsonObject
  readonly effort?: string
  readonly maxTokens: number
  /** The model thinks: temperature must be left alone, top_p nearly so. */
  readonly isThinking: boolean
}

export function writeReasoning(
  request: InferenceRequest,
  modelId: string,
  losses: LossList,
): WrittenReasoning {
  const plain: WrittenReasoning = {
    maxTokens: request.maxOutputTokens ?? MAX_TOKENS_DEFAULT,
    isThinking: false,
  }
  const options = request.reasoning
  if (options === undefined) return plain
  // In this dialect's own words an effort without thinking steers the answer only.
  if (options.mode === undefined && request.vendor?.dialect === DIALECT)
    return { ...plain, ...effortOf(options) }
  const traits = modelTraits(modelId)
  if (options.mode === 'off' || options.effort === 'none') return { ...plain, ...switchOff(options, traits) }
  const obstacle = obstacleOf(request, traits)
  if (obstacle !== undefined) {
    losses.add('reasoning', obstacle)
    return plain
  }
  return isAdaptive(options, traits)
    ? adaptive(options, traits, plain, losses)
    : budgeted(options, request, plain, losses)
}

/** An effort may stand beside switched-off thinking: it then steers the answer. */
function switchOff(options: ReasoningOptions, traits: ModelTraits): Partial<WrittenReasoning> {
  if (traits.thinking === 'none') return {}
  return { thinking: { type: 'disabled' }, ...effortOf(options) }
}

function effortOf({ effort }: ReasoningOptions): { readonly effort?: string } {
  return effort === undefined || effort === 'none' ? {} : { effort }
}

/** Why this request cannot think, in one clause; `undefined` where it can. */
function obstacleOf(request: InferenceRequest, traits: ModelTraits): string | undefined {
  if (traits.thinking === 'none') return 'This model does not think.'
  const choice = request.toolChoice?.type
  const options = request.reasoning ?? {}
  const isForced = choice === 'required' || choice === 'tool'
  // A client of this API that leaves it to the model is served: the model then does not think.
  if (isForced && options.mode !== 'adaptive') return 'Claude does not think when a tool is forced.'
  if (isAdaptive(options, traits)) return undefined
  if ((request.maxOutputTokens ?? MAX_TOKENS_DEFAULT) < BUDGET_TOKENS_MIN + ANSWER_TOKENS_MIN) {
    return `Thinking needs a max_tokens of more than ${BUDGET_TOKENS_MIN}.`
  }
  return lacksSignedThinking(request.messages)
    ? 'The last tool call carries no signed thinking, without which Claude refuses to think on.'
    : undefined
}

/** With a budget, an assistant turn whose tools are being answered must begin with its own thinking. */
function lacksSignedThinking(messages: readonly Message[]): boolean {
  const last = messages.findLast(({ role }) => role !== 'system' && role !== 'developer')
  if (last?.role !== 'tool') return false
  const lastUser = messages.findLastIndex(({ role }) => role === 'user')
  const turn = messages.slice(lastUser + 1).filter(({ role }) => role === 'assistant')
  return !turn.some(({ parts }) =>
    parts.some((part) => part.type === 'reasoning' && (part.signature ?? part.encrypted)),
  )
}

function isAdaptive(options: ReasoningOptions, traits: ModelTraits): boolean {
  if (options.mode === 'adaptive') return true
  if (options.budgetTokens !== undefined) return false
  return traits.thinking === 'adaptive'
}

function adaptive(
  options: ReasoningOptions,
  traits: ModelTraits,
  plain: WrittenReasoning,
  losses: LossList,
): WrittenReasoning {
  const effort = adaptiveEffort(options.effort, traits, losses)
  return {
    ...plain,
    thinking: { type: 'adaptive', ...display(options) },
    ...(effort === undefined ? {} : { effort }),
    isThinking: true,
  }
}

function adaptiveEffort(
  effort: string | undefined,
  traits: ModelTraits,
  losses: LossList,
): string | undefined {
  if (effort === undefined) return undefined
  const word = efforts.get(effort)?.adaptive
  if (word === undefined) losses.add('reasoning_effort', 'Anthropic has no such effort.')
  if (word !== 'xhigh' || traits.takesExtraEffort) return word
  losses.add('reasoning_effort', 'This model has no effort xhigh; high is asked for.')
  return 'high'
}

function budgeted(
  options: ReasoningOptions,
  request: InferenceRequest,
  plain: WrittenReasoning,
  losses: LossList,
): WrittenReasoning {
  const ceiling = request.maxOutputTokens
  const room = ceiling === undefined ? Infinity : roomFor(options, ceiling)
  const wanted = options.budgetTokens ?? budgetOf(options.effort, losses)
  const budget = Math.max(BUDGET_TOKENS_MIN, Math.min(wanted, room))
  if (options.budgetTokens !== undefined && budget !== options.budgetTokens) {
    losses.add(
      'thinking.budget_tokens',
      `The budget must be at least ${BUDGET_TOKENS_MIN} and below max_tokens.`,
    )
  }
  return {
    thinking: { type: 'enabled', budget_tokens: budget, ...display(options) },
    // Both were asked for in this dialect's own words: a client that sends a budget and an effort means both.
    ...(options.budgetTokens === undefined ? {} : effortOf(options)),
    maxTokens: ceiling ?? budget + plain.maxTokens,
    isThinking: true,
  }
}

/** A budget of our choosing leaves half of the client's ceiling to the answer; the client's own only has to fit. */
function roomFor(options: ReasoningOptions, ceiling: number): number {
  return options.budgetTokens === undefined ? Math.floor(ceiling / 2) : ceiling - ANSWER_TOKENS_MIN
}

function budgetOf(effort: string | undefined, losses: LossList): number {
  const row = efforts.get(effort ?? 'medium')
  if (row !== undefined) return row.budgetTokens
  losses.add('reasoning_effort', 'Anthropic has no such effort; a medium budget is given.')
  return 8192
}

/** OpenAI's words for summaries are no words of this API. */
function display(options: ReasoningOptions): JsonObject {
  return options.display === 'summarized' || options.display === 'omitted' ? { display: options.display } : {}
}
