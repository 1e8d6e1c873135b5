/** The events of one answer in order, readable from any of them on, by any number of readers, while it is being made. */

import type { NumberedEvent } from '../dialects/dialect.ts'
import type { GatewayError } from '../errors/gateway-error.ts'

export class EventLog {
  readonly #events: NumberedEvent[] = []
  #bytes = 0
  #hasEnded = false
  #failure: GatewayError | undefined
  #changed = Promise.withResolvers<void>()

  get bytes(): number {
    return this.#bytes
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** The number of the event that comes next. */
  get nextSequence(): number {
    return (this.#events.at(-1)?.sequence ?? -1) + 1
  }

  add(event: NumberedEvent): void {
    this.#events.push(event)
    this.#bytes += event.bytes.length
    this.#tell()
  }

  /** Once. `failure`: what cut it off, for those who read on. */
  end(failure?: GatewayError): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#failure = failure
    this.#tell()
  }

  /** The events after `sequence`, then those to come, up to the end. Throws what cut it off. */
  async *follow(sequence: number): AsyncGenerator<Uint8Array> {
    for (let place = 0; ; place += 1) {
      while (place === this.#events.length) {
        if (this.#failure !== undefined) throw this.#failure
        if (this.#hasEnded) return
        await this.#changed.promise
      }
      const event = this.#events[place]
      if (event !== undefined && event.sequence > sequence) yield event.bytes
    }
  }

  #tell(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers()
    resolve()
  }
}
