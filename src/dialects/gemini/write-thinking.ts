/**
 * Says how much to think: with a level to the third generation, with a budget of tokens to the one before it, and nothing
 * to those that do not think. Source: ai.google.dev/gemini-api/docs/thinking.
 */

import type { ReasoningOptions } from '../../canonical/request.ts'
import type { JsonObject } from '../../std/json.ts'
import type { LossList } from '../anthropic-messages/losses.ts'
import { withoutAbsent } from '../openai-chat/fields.ts'
import { generationOf } from './thought-signatures.ts'

export interface ThinkingContext {
  readonly modelId: string
  /** The request came in this dialect: its own words return as they were. */
  readonly isOwn: boolean
  readonly losses: LossList
}

/** The generation with which Gemini began to think. */
const THINKING_SINCE = 2.5

export function writeThinking(options: ReasoningOptions, context: ThinkingContext): JsonObject | undefined {
  if (context.isOwn) return asSaid(options)
  const isOff = options.mode === 'off' || options.effort === 'none'
  if (generationOf(context.modelId) < THINKING_SINCE) {
    if (!isOff) context.losses.add('reasoning', 'This model does not think.')
    return undefined
  }
  if (isOff) return switchedOff(context)
  const budget = budgetOf(options)
  return withoutAbsent({
    includeThoughts: options.display === 'omitted' ? undefined : true,
    ...(budget === undefined
      ? ofEffort(options.effort, context)
      : { thinkingBudget: fittingBudget(budget, context) }),
  })
}

function asSaid(options: ReasoningOptions): JsonObject {
  return withoutAbsent({
    includeThoughts: options.display === 'auto' ? true : undefined,
    thinkingBudget: options.mode === 'off' ? 0 : budgetOf(options),
    thinkingLevel: options.effort,
  })
}

/** -1 leaves it to the model. */
const AS_IT_SEES_FIT = -1

function budgetOf({ mode, effort, budgetTokens }: ReasoningOptions): number | undefined {
  return budgetTokens ?? (mode === 'adaptive' && effort === undefined ? AS_IT_SEES_FIT : undefined)
}

/** Those that always think are asked for the least. */
function switchedOff({ modelId, losses }: ThinkingContext): JsonObject {
  const always = generationOf(modelId) >= 3 || isLarge(modelId)
  if (!always) return { thinkingBudget: 0 }
  losses.add('thinking', 'This model cannot be told not to think; it is asked for the least.')
  return generationOf(modelId) >= 3
    ? { thinkingLevel: levelFor(modelId, 'minimal') }
    : { thinkingBudget: budgetRange(modelId).min }
}

/** What an effort amounts to in tokens, as Google's own endpoint for OpenAI's clients has it. */
const budgets: ReadonlyMap<string, number> = new Map([
  ['minimal', 1_024],
  ['low', 1_024],
  ['medium', 8_192],
  ['high', 24_576],
  ['xhigh', 24_576],
  ['max', 24_576],
])

/** The levels of the third generation. */
const levels: ReadonlyMap<string, string> = new Map([
  ['minimal', 'minimal'],
  ['low', 'low'],
  ['medium', 'medium'],
  ['high', 'high'],
  ['xhigh', 'high'],
  ['max', 'high'],
])

function ofEffort(effort: string | undefined, { modelId, losses }: ThinkingContext): JsonObject {
  if (effort === undefined) return {}
  const level = levels.get(effort)
  const budget = budgets.get(effort)
  if (level === undefined || budget === undefined) {
    losses.add('reasoning_effort', 'Gemini has no such effort.')
    return {}
  }
  return generationOf(modelId) >= 3 ? { thinkingLevel: levelFor(modelId, level) } : { thinkingBudget: budget }
}

/** The large models know fewer levels: none of them thinks minimally, and the first knew no middle. */
function levelFor(modelId: string, level: string): string {
  if (!isLarge(modelId)) return level
  if (level === 'minimal') return 'low'
  return level === 'medium' && modelId.includes('gemini-3-pro') ? 'high' : level
}

function fittingBudget(budget: number, { modelId, losses }: ThinkingContext): number {
  if (budget === AS_IT_SEES_FIT) return budget
  const { min, max } = budgetRange(modelId)
  const fitting = Math.max(min, Math.min(budget, max))
  if (fitting !== budget)
    losses.add('thinking.budget_tokens', `This model takes a budget of ${min} to ${max} tokens.`)
  return fitting
}

interface BudgetRange {
  readonly min: number
  readonly max: number
}

/** A budget outside of it is refused. */
function budgetRange(modelId: string): BudgetRange {
  if (isLarge(modelId)) return { min: 128, max: 32_768 }
  return { min: modelId.includes('flash-lite') ? 512 : 1, max: 24_576 }
}

function isLarge(modelId: string): boolean {
  return /gemini-[\d.]+-pro/.test(modelId)
}
