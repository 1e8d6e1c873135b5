/** Where the clients of a load stand still between two requests, all at one time, until they may go on. */

export class RestingPlace {
  readonly #onAllRest: () => void
  /** Of all who pass here. */
  #clients = 0
  #resting = 0
  /** Resolves when it is opened; `undefined` while it is open. */
  #opening: PromiseWithResolvers<void> | undefined

  /** Told each time that it was closed and everybody has come to a rest. */
  constructor(onAllRest: () => void) {
    this.#onAllRest = onAllRest
  }

  /** From now on one more is waited for. */
  join(): void {
    this.#clients += 1
  }

  close(): void {
    this.#opening ??= Promise.withResolvers()
  }

  open(): void {
    this.#opening?.resolve()
    this.#opening = undefined
    this.#resting = 0
  }

  /** Resolves at once while it is open. */
  async pass(): Promise<void> {
    const opening = this.#opening
    if (opening === undefined) return
    this.#resting += 1
    if (this.#resting === this.#clients) this.#onAllRest()
    await opening.promise
  }
}
