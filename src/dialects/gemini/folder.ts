/** Folds a raw stream of this dialect into the plain answer it amounts to. */

import type { Folder, ReadStreamOptions, StreamFacts } from '../dialect.ts'
import { ResponseFold } from './fold-responses.ts'
import { StreamWatch } from './stream-watch.ts'
import { type WireEvent, WireEvents } from './wire-events.ts'

export class GeminiFolder implements Folder {
  readonly #wire = new WireEvents()
  readonly #watch: StreamWatch
  readonly #fold = new ResponseFold()

  constructor({ candidates }: ReadStreamOptions = {}) {
    this.#watch = new StreamWatch(this.#wire, { wanted: candidates })
  }

  read(chunk: Uint8Array): void {
    this.#takeAll(this.#wire.read(chunk))
  }

  end(): void {
    this.#takeAll(this.#wire.end())
    this.#watch.end()
  }

  result(): Uint8Array {
    return Buffer.from(JSON.stringify(this.#fold.result()))
  }

  get facts(): StreamFacts {
    return this.#watch
  }

  #takeAll(events: readonly WireEvent[]): void {
    for (const event of events) {
      this.#watch.note(event)
      this.#fold.add(event.value)
    }
  }
}
