/**
 * Tool-call ids. Anthropic wants `^[a-zA-Z0-9_-]+$` and every id once in a conversation; other dialects know ids with
 * dots and colons, empty ones and ids that start anew each turn.
 */

/** The id in the alphabet Anthropic allows; `''` stays empty. */
export function sanitiseToolId(id: string): string {
  return id.replaceAll(/[^a-zA-Z0-9_-]/g, '_')
}

/** The ids given to the calls of one client's id, in order. */
interface GivenIds {
  readonly ids: string[]
  /** How many of them have a result. */
  answered: number
}

/** Gives each call of a conversation its own id, and each result the id of the call it answers. */
export class ToolIds {
  readonly #unique = new UniqueIds()
  /** By the client's id. */
  readonly #given = new Map<string, GivenIds>()

  call(id: string): string {
    const given = this.#unique.give(sanitiseToolId(id) || 'toolu')
    const same = this.#given.get(id)
    if (same) same.ids.push(given)
    else this.#given.set(id, { ids: [given], answered: 0 })
    return given
  }

  /** A result without a call keeps its own id: the provider then says what is wrong. */
  result(id: string): string {
    const given = this.#given.get(id)
    if (given === undefined) return sanitiseToolId(id) || 'toolu'
    const unanswered = given.ids[given.answered]
    if (unanswered === undefined) return given.ids.at(-1) ?? id
    given.answered += 1
    return unanswered
  }
}

/** Gives every id once: the one wanted, or the next with a number that is free. */
export class UniqueIds {
  readonly #taken = new Set<string>()
  /** By the id wanted: the number to try next, so that the same id over and over costs no search from the start. */
  readonly #next = new Map<string, number>()

  give(wanted: string): string {
    const given = this.#taken.has(wanted) ? this.#numbered(wanted) : wanted
    this.#taken.add(given)
    return given
  }

  #numbered(wanted: string): string {
    let number = this.#next.get(wanted) ?? 2
    while (this.#taken.has(`${wanted}_${number}`)) number += 1
    this.#next.set(wanted, number + 1)
    return `${wanted}_${number}`
  }
}
