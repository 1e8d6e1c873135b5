/** The bodies of one exchange, noted while it is served: copies, as far as they are kept. */

import type { AnsweredHead, AskedHead, KeptBody } from './kept-bodies.ts'

/** Bodies of one exchange while it is served. */
export interface BodyNote {
  /** An answer begins. */
  begin(head: AnsweredHead): void
  add(chunk: Uint8Array): void
  /** Nothing more comes; again does nothing. */
  end(): void
}

/** What was noted of an exchange that ended. */
export interface Noted {
  readonly head: AskedHead
  readonly request: Uint8Array | KeptBody
  readonly answer?: AnsweredHead & {
    readonly chunks: readonly Uint8Array[]
    /** Of all that was told, whether noted or not. */
    readonly bytes: number
  }
}

export interface NoteInit {
  readonly noted: Noted
  readonly answerBytesMax: number
  hold(bytes: number): boolean
  letGo(bytes: number): void
  drop(): void
  take(noted: Noted): void
}

export class RunningNote implements BodyNote {
  readonly #init: NoteInit
  #head: AnsweredHead | undefined
  #chunks: Uint8Array[] = []
  #keptBytes = 0
  #bytes = 0
  #isOver = false

  constructor(init: NoteInit) {
    this.#init = init
  }

  begin(head: AnsweredHead): void {
    this.#head = head
  }

  /** A copy: what is a view of a larger buffer would keep all of it. */
  add(chunk: Uint8Array): void {
    if (this.#isOver) return
    this.#bytes += chunk.length
    const room = this.#init.answerBytesMax - this.#keptBytes
    const part = chunk.subarray(0, room)
    if (part.length === 0) return
    if (!this.#init.hold(part.length)) return this.#giveUp()
    this.#keptBytes += part.length
    this.#chunks.push(Buffer.from(part))
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    const { noted } = this.#init
    const answer = this.#head && { ...this.#head, chunks: this.#chunks, bytes: this.#bytes }
    this.#init.take(answer === undefined ? noted : { ...noted, answer })
  }

  #giveUp(): void {
    this.#isOver = true
    this.#init.letGo(this.#keptBytes + sizeOf(this.#init.noted.request))
    this.#chunks = []
    this.#init.drop()
  }
}

export function sizeOf(body: Uint8Array | KeptBody): number {
  return body instanceof Uint8Array ? body.length : 0
}

export function heldOf({ request, answer }: Noted): number {
  const answered = answer?.chunks.reduce((sum, { length }) => sum + length, 0) ?? 0
  return sizeOf(request) + answered
}
