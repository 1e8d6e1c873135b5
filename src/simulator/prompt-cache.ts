/** What the simulated provider remembers of prompts, so that usage shows cache writes and then cache reads. */

import { mixSeed } from './seed.ts'
import { tokensOfLength } from './tokens.ts'

/** Prompts remembered at once. */
const PROMPTS_MAX = 1000
/** Shorter prompts are never cached, as at the real providers (tokens). */
const CACHEABLE_TOKENS_MIN = 1024

export interface CacheUse {
  readonly cachedTokens: number
  readonly cacheWriteTokens: number
}

export class PromptCache {
  readonly #seen = new Set<number>()

  /** Counts the prompt's prefix as read from the cache, or as written to it the first time. */
  use(prompt: string): CacheUse {
    const tokens = tokensOfLength(prompt.length)
    if (tokens < CACHEABLE_TOKENS_MIN) return { cachedTokens: 0, cacheWriteTokens: 0 }
    const key = mixSeed(0, prompt)
    if (this.#seen.has(key)) return { cachedTokens: tokens, cacheWriteTokens: 0 }
    this.#remember(key)
    return { cachedTokens: 0, cacheWriteTokens: tokens }
  }

  #remember(key: number): void {
    const [oldest] = this.#seen
    if (this.#seen.size >= PROMPTS_MAX && oldest !== undefined) this.#seen.delete(oldest)
    this.#seen.add(key)
  }
}
