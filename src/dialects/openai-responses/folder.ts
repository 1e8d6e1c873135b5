/** Folds a raw stream of this dialect into the plain answer it amounts to: the one its last event carries. */

import type { Folder, StreamFacts } from '../dialect.ts'
import { StreamWatch } from './stream-watch.ts'
import { WholeAnswer } from './whole-answer.ts'
import { type WireEvent, WireEvents } from './wire-events.ts'

export class ResponsesFolder implements Folder {
  readonly #wire = new WireEvents()
  readonly #watch = new StreamWatch(this.#wire)
  readonly #whole = new WholeAnswer()

  read(chunk: Uint8Array): void {
    this.#takeAll(this.#wire.read(chunk))
  }

  end(): void {
    this.#takeAll(this.#wire.end())
  }

  result(): Uint8Array {
    return this.#whole.bytes() ?? Buffer.from('{}')
  }

  get facts(): StreamFacts {
    return this.#watch
  }

  #takeAll(events: readonly WireEvent[]): void {
    for (const event of events) {
      this.#watch.note(event)
      this.#whole.note(event)
    }
  }
}
