/** Makes one answer of a stream, in the client's dialect, and can end it where it comes to what was held for it. */

import type { Loss } from '../canonical/loss.ts'
import type { Usage } from '../canonical/usage.ts'
import type { Folder, Passthrough } from '../dialects/dialect.ts'
import { answerOptions } from './answer-options.ts'
import type { RelayContext } from './relay-context.ts'
import { createTranslatingFolder } from './translator.ts'

export interface AnswerFolder extends Folder {
  /** What a translation lost on the way. */
  readonly losses?: readonly Loss[]
  /** Makes an answer cut short by its ceiling of what has come; false where that cannot be said. Never asked inside a tool call. */
  cutShort(usage: Usage): boolean
}

export function createAnswerFolder(context: RelayContext): AnswerFolder {
  const { call, exchange, targetDialect, limit } = context
  const { candidateCount: candidates } = exchange.envelope
  const onText = limit && ((text: string) => limit.note(text))
  if (call.isTranslated)
    return createTranslatingFolder(targetDialect, exchange.dialect, {
      ...answerOptions(context),
      candidates,
      onText,
    })
  const folder = exchange.dialect.createFolder({ candidates })
  if (onText === undefined) return new PlainFolder(folder)
  return new PlainFolder(
    folder,
    exchange.dialect.createPassthrough({ hidesUsage: false, candidates, onText }),
  )
}

/** A dialect's own folder. How a stream is ended its passthrough knows: it looks on where that may be needed. */
class PlainFolder implements AnswerFolder {
  readonly #folder: Folder
  readonly #watch: Passthrough | undefined

  constructor(folder: Folder, watch?: Passthrough) {
    this.#folder = folder
    this.#watch = watch
  }

  get facts() {
    return this.#folder.facts
  }

  read(chunk: Uint8Array): void {
    this.#watch?.read(chunk)
    this.#folder.read(chunk)
  }

  end(): void {
    this.#folder.end()
  }

  result(): Uint8Array {
    return this.#folder.result()
  }

  cutShort(usage: Usage): boolean {
    const closing = this.#watch?.cutShort?.(usage)
    if (closing === undefined) return false
    this.#folder.read(closing)
    return true
  }
}
