/** What a scan of JSON found wrong, and where. */

export class JsonScanError extends Error {
  override readonly name = 'JsonScanError'
  /** The byte of the text at which it went wrong, counted from 0; the text's length where it ends too soon. */
  readonly position: number

  /** `what` is a clause without a full stop and without any of the text: it may be shown to anyone. */
  constructor(what: string, position: number) {
    super(`${what}, at byte ${position}.`)
    this.position = position
  }
}
