/** Token counts by kind. `undefined` means not reported; zero means zero. */

import type { JsonValue } from '../std/json.ts'

export interface Usage {
  /** All input tokens, cached ones included (Anthropic's three counts added up; OpenAI's prompt_tokens). */
  readonly inputTokens?: number
  /** All output tokens, reasoning included. */
  readonly outputTokens?: number
  /** Of the input: read from the prompt cache. */
  readonly cacheReadTokens?: number
  /** Of the input: written to the prompt cache, all lifetimes together. */
  readonly cacheWriteTokens?: number
  /** Of the writes: those kept for an hour. */
  readonly cacheWrite1hTokens?: number
  /** Of the output: reasoning. */
  readonly reasoningTokens?: number
  readonly inputAudioTokens?: number
  readonly outputAudioTokens?: number
  /** Queries of the web that the provider made by itself. */
  readonly searches?: number
  /** The service class it is billed in, in the provider's own word. */
  readonly serviceTier?: string
  /** How fast it was made, in the provider's own word, where that has a price (Anthropic). */
  readonly speed?: string
  /** Where it was made, likewise. */
  readonly inferenceGeo?: string
  /** The provider's own usage object, the last one seen. */
  readonly raw?: JsonValue
}

/** The largest count believed; beyond it a provider's number is an anomaly (faults 50, CVE-2026-71479). */
export const TOKEN_COUNT_MAX = 1_000_000_000

/** A token count worth believing: a whole number from 0 to `TOKEN_COUNT_MAX`; anything else is not reported. */
export function tokenCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= TOKEN_COUNT_MAX
    ? value
    : undefined
}

/** Every request has a token: whoever counts none at all did not count, and would be used for nothing under any budget. */
export function believableUsage(usage: Usage | undefined): Usage | undefined {
  return usage?.inputTokens === 0 && usage.outputTokens === 0 ? undefined : usage
}
