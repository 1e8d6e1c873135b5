/** What is concluded from the facts of an answer: is it whole, what did it cost, what was odd about it. */

import type { Finish } from '../canonical/finish.ts'
import type { Part } from '../canonical/message.ts'
import type { InferenceResult } from '../canonical/result.ts'
import { emptyAnswer, UnusedAnswer } from '../canonical/unused-answer.ts'
import { believableUsage, type Usage } from '../canonical/usage.ts'
import type { StreamFacts } from '../dialects/dialect.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { isCounted } from './attempt-log.ts'

interface Counted {
  readonly usage?: Usage | undefined
  readonly finish?: Finish | undefined
  readonly hasContent?: boolean | undefined
  readonly candidates?: InferenceResult['candidates'] | undefined
}

/**
 * As far as it can be believed. Where a filter stopped the request no model may have been asked, and nothing counted; an
 * answer that it cut in the middle was made.
 */
export function usageOf({ usage, finish, hasContent, candidates = [] }: Counted): { usage?: Usage } {
  const end = finish ?? candidates[0]?.finish
  const isSaid = hasContent === true || candidates.some(({ parts }) => parts.some(saysSomething))
  const believed = end?.reason === 'content-filter' && !isSaid ? usage : believableUsage(usage)
  return believed === undefined ? {} : { usage: believed }
}

export function flagsOf(facts: StreamFacts): readonly string[] {
  return [
    ...(facts.anomalies > 0 ? ['parse_anomaly'] : []),
    ...(facts.hasMalformedToolCall === true ? ['tool_args_invalid'] : []),
    ...(facts.isComplete ? usageFlags(facts) : []),
  ]
}

/** A whole answer reports what it cost; one that does not, or in numbers nobody can believe, is odd (fault 50). */
export function usageFlags(counted: Counted): readonly string[] {
  return isCounted(usageOf(counted).usage) ? [] : ['usage_anomaly']
}

/** An answer without content is whole only if the model says that it had nothing to say (B3: 200 empty). */
export function assertWhole(facts: StreamFacts): void {
  if (facts.error) throw facts.error
  if (!facts.isComplete) throw brokenOff()
  assertWellFormed(facts)
  if (!facts.hasContent) assertMeantToBeEmpty(facts)
}

/** The same of an answer in one piece, where its dialect takes emptiness for an answer. */
export function assertWholeResult({ candidates, usage }: InferenceResult): void {
  const finish = candidates[0]?.finish
  assertWellFormed({ finish, usage })
  if (!candidates.some(({ parts }) => parts.some(saysSomething))) assertMeantToBeEmpty({ finish, usage })
}

function assertMeantToBeEmpty({ finish, usage }: Pick<StreamFacts, 'finish' | 'usage'>): void {
  const reason = finish?.reason
  const isNatural = reason === 'stop' || reason === 'other' || reason === undefined
  if (isNatural && visibleTokens(usage) <= 0)
    throw emptyAnswer('The provider ended its answer without any content.', usage)
}

export function saysSomething(part: Part): boolean {
  return part.type === 'text' || part.type === 'refusal' ? part.text !== '' : true
}

/** An answer without content that its provider filtered, as the refusal it amounts to. */
export function filteredAnswer(facts: Pick<StreamFacts, 'finish' | 'usage'>): UnusedAnswer {
  const words = `The provider filtered its whole answer (${facts.finish?.raw ?? 'content filter'}).`
  return new UnusedAnswer('content_policy', words, { usage: usageOf(facts).usage, isSilent: true })
}

/** A call of a tool that the provider itself could not read is no answer; another try may be (fault 85). */
function assertWellFormed(facts: Pick<StreamFacts, 'finish' | 'usage'>): void {
  const { finish } = facts
  if (finish?.reason !== 'malformed-tool-call') return
  const words = `The model called a tool in a way nobody can read (${finish.raw ?? 'malformed tool call'}).`
  throw new UnusedAnswer('empty_response', words, { usage: usageOf(facts).usage, isSilent: false })
}

/** Thinking alone is not what was asked for, however long it was (fault 84). */
function visibleTokens(usage: Usage | undefined): number {
  return (usage?.outputTokens ?? 0) - (usage?.reasoningTokens ?? 0)
}

export function brokenOff(): GatewayError {
  return new GatewayError('upstream_truncated', 'The provider ended the stream before the answer was whole.')
}
