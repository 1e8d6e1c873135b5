/**
 * Tool-call ids. Anthropic wants `^[a-zA-Z0-9_-]+$` and every id once in a conversation; other dialects know ids with
 * dots and colons, empty ones and ids that start anew each turn.
 */

/** The id in the alphabet Anthropic allows; `''` stays empty. */
export function sanitiseToolId(id: string): string {
  return id.replaceAll(/[^a-zA-Z0-9_-]/g, '_')
}

/** Gives each call of a conversation its own id, and each result the id of the call it answers. */
export class ToolIds {
  readonly #taken = new Set<string>()
  /** By the client's id: the ids given to its calls, oldest unanswered first. */
  readonly #unanswered = new Map<string, string[]>()
  readonly #last = new Map<string, string>()

  call(id: string): string {
    const given = this.#free(sanitiseToolId(id) || 'toolu')
    this.#taken.add(given)
    this.#last.set(id, given)
    const waiting = this.#unanswered.get(id)
    if (waiting) waiting.push(given)
    else this.#unanswered.set(id, [given])
    return given
  }

  /** A result without a call keeps its own id: the provider then says what is wrong. */
  result(id: string): string {
    return this.#unanswered.get(id)?.shift() ?? this.#last.get(id) ?? (sanitiseToolId(id) || 'toolu')
  }

  #free(wanted: string): string {
    if (!this.#taken.has(wanted)) return wanted
    for (let suffix = 2; ; suffix += 1) {
      const candidate = `${wanted}_${suffix}`
      if (!this.#taken.has(candidate)) return candidate
    }
  }
}
