/**
 * Writes canonical events as a stream of this dialect, version 2023-06-01. Blocks come strictly one after another, so a
 * part that begins while another is open is held until that one ends. The message's start can be said only once and
 * names the input tokens, so it waits for the first part.
 */

import type { InferenceEvent } from '../../canonical/event.ts'
import type { Finish } from '../../canonical/finish.ts'
import type { Loss } from '../../canonical/loss.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { StreamWriter, WriteAnswerOptions } from '../dialect.ts'
import { LossList } from './losses.ts'
import { say } from './say.ts'
import { writeFinish } from './stop-reason.ts'
import { type PartEvent, PartWriter } from './stream-part-writer.ts'
import { writeInputUsage, writeUsage } from './usage.ts'

export function createStreamWriter(options: WriteAnswerOptions): StreamWriter {
  return new MessagesWriter(options)
}

type CandidateEvent = PartEvent | Extract<InferenceEvent, { readonly type: 'finish' }>

/** Where a message stands that was said before: the block that is open, or else the next. */
export interface BlockPosition {
  readonly index: number
  readonly isOpen: boolean
}

export class MessagesWriter implements StreamWriter {
  readonly #options: WriteAnswerOptions
  readonly #losses = new LossList()
  readonly #parts: PartWriter
  #start: { readonly responseId?: string; readonly modelId?: string } = {}
  #hasStarted = false
  #usage: Usage | undefined
  #finish: Finish | undefined
  #hasFirstSpoken = false
  /** What another candidate says while the first is silent: some servers number their only one otherwise (fault 70). */
  readonly #spare: CandidateEvent[] = []
  /** The part whose block is open, and what other parts have said meanwhile. */
  #openPart: number | undefined
  readonly #held = new Map<number, PartEvent[]>()

  constructor(options: WriteAnswerOptions) {
    this.#options = options
    this.#parts = new PartWriter(this.#losses, options.origin)
  }

  get losses(): readonly Loss[] {
    return this.#losses.list
  }

  /** The message's start was said, and its blocks up to here. */
  goOnAt(position: BlockPosition): void {
    this.#messageStart()
    this.#parts.goOnAt(position)
  }

  write(event: InferenceEvent): string {
    switch (event.type) {
      case 'answer-start':
        this.#start = event
        return ''
      case 'usage-update':
        this.#usage = event.usage
        return ''
      case 'logprobs-delta':
        this.#losses.add('logprobs', 'A message holds no log probabilities.')
        return ''
      case 'finish':
        if (event.candidate !== 0) return this.#spareFor(event)
        this.#finish ??= event.finish
        return ''
      case 'error':
        // Said by writeStreamError, which knows the request.
        return ''
      default:
        return this.#writePart(event)
    }
  }

  /** Without a finish the answer is not whole and gets no end: an error event follows. */
  end(): string {
    const rest = this.#saySpare() + this.#flushParts()
    if (this.#finish === undefined) return rest
    const content = { hasToolCall: this.#parts.hasToolCall, hasRefusal: this.#parts.hasRefusal }
    const delta = say({
      type: 'message_delta',
      delta: { ...writeFinish(this.#finish, content) },
      usage: writeUsage(this.#usage),
    })
    return this.#messageStart() + rest + delta + say({ type: 'message_stop' })
  }

  #writePart(event: PartEvent): string {
    if (event.candidate !== 0) return this.#spareFor(event)
    this.#hasFirstSpoken = true
    if (this.#spare.length > 0) this.#dropOthers()
    if (this.#openPart !== undefined && this.#openPart !== event.part) {
      this.#hold(event)
      return ''
    }
    return this.#messageStart() + this.#say(event)
  }

  #spareFor(event: CandidateEvent): string {
    const [earlier] = this.#spare
    const isWanted = !this.#hasFirstSpoken && (earlier === undefined || earlier.candidate === event.candidate)
    if (isWanted) this.#spare.push(event)
    else this.#dropOthers()
    return ''
  }

  #dropOthers(): void {
    if (this.#hasFirstSpoken) this.#spare.length = 0
    this.#losses.add('n', 'A message holds one answer; the first is given.')
  }

  #saySpare(): string {
    if (this.#hasFirstSpoken) return ''
    const events = this.#spare.splice(0)
    return events.map((event) => this.write({ ...event, candidate: 0 })).join('')
  }

  #hold(event: PartEvent): void {
    const events = this.#held.get(event.part)
    if (events) events.push(event)
    else this.#held.set(event.part, [event])
  }

  #say(event: PartEvent): string {
    this.#openPart = event.part
    const text = this.#parts.write(event)
    if (!ends(event)) return text
    this.#openPart = undefined
    return text + this.#sayHeld()
  }

  /** No block is open: held parts have the word, one after another, up to one that has not ended yet. */
  #sayHeld(): string {
    let text = ''
    for (const [part, events] of this.#held) {
      this.#held.delete(part)
      this.#openPart = part
      for (const event of events) text += this.#parts.write(event)
      if (!events.some(ends)) return text
      this.#openPart = undefined
    }
    return text
  }

  /** Parts that never ended: an answer that is whole closes them. */
  #flushParts(): string {
    let text = ''
    while (this.#openPart !== undefined) {
      this.#openPart = undefined
      text += this.#parts.close() + this.#sayHeld()
    }
    return text
  }

  #messageStart(): string {
    if (this.#hasStarted) return ''
    this.#hasStarted = true
    const responseId = this.#start.responseId ?? this.#options.responseId
    this.#parts.responseId = responseId
    return say({
      type: 'message_start',
      message: {
        id: responseId,
        type: 'message',
        role: 'assistant',
        model: this.#start.modelId ?? this.#options.modelId,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: writeInputUsage(this.#usage),
      },
    })
  }
}

function ends(event: PartEvent): boolean {
  switch (event.type) {
    case 'text-end':
    case 'reasoning-end':
    case 'refusal-end':
    case 'tool-call-end':
    case 'opaque':
      return true
    default:
      return false
  }
}
