/** One interpreter into the canonical language and one out of it, behind the same faces as a passthrough and a folder. */

import { isContent, type InferenceEvent } from '../canonical/event.ts'
import type { Finish } from '../canonical/finish.ts'
import { createFold } from '../canonical/fold.ts'
import type { Loss } from '../canonical/loss.ts'
import type { Usage } from '../canonical/usage.ts'
import type {
  Dialect,
  ErrorContext,
  Folder,
  Passthrough,
  ReadStreamOptions,
  StreamFacts,
  StreamReader,
  TargetDialect,
  WriteAnswerOptions,
} from '../dialects/dialect.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { StateWatch } from '../provenance/watch-state.ts'

import { textIn } from './text-bytes.ts'

const NOTHING = new Uint8Array(0)

/** What is known of the answer before it comes: for the one who reads it, and for the one who says it again. */
export interface TranslationOptions extends WriteAnswerOptions, ReadStreamOptions {
  /** Notes who made the state in the answer. */
  readonly watch: Pick<StateWatch, 'note'>
  /** As a passthrough's. */
  readonly onText?: ((text: string) => void) | undefined
}

/** Reads one dialect's stream and writes another's. */
export interface Translator extends Passthrough {
  readonly losses: readonly Loss[]
}

export function createTranslator(from: TargetDialect, to: Dialect, options: TranslationOptions): Translator {
  const reader = from.createStreamReader(options)
  const writer = to.createStreamWriter(options)
  const facts = new EventFacts(reader)

  const write = (events: readonly InferenceEvent[]): string => {
    let text = ''
    for (const event of events) {
      facts.observe(event)
      options.watch.note(event)
      options.onText?.(textIn(event))
      if (event.type !== 'error') text += writer.write(event)
    }
    return text
  }

  return {
    facts,
    get losses() {
      return writer.losses
    },
    writeError: (error: GatewayError, context: ErrorContext) =>
      writer.writeError?.(error, context) ?? to.writeStreamError(error, context),
    read: (chunk) => encode(write(reader.read(chunk))),
    cutShort(usage) {
      const closing = facts.closing(usage)
      return closing.length === 0 ? undefined : encode(write(closing) + writer.end())
    },
    end() {
      const text = write(reader.end())
      return encode(reader.isComplete && facts.error === undefined ? text + writer.end() : text)
    },
  }
}

/** Reads one dialect's stream and makes another's plain answer of it. */
export interface TranslatingFolder extends Folder {
  readonly losses: readonly Loss[]
  /** Makes an answer cut short by its ceiling of what has come; false where nothing has. Never asked inside a tool call. */
  cutShort(usage: Usage): boolean
}

export function createTranslatingFolder(
  from: TargetDialect,
  to: Dialect,
  options: TranslationOptions,
): TranslatingFolder {
  const reader = from.createStreamReader(options)
  const facts = new EventFacts(reader)
  const fold = createFold()
  let losses: readonly Loss[] = []

  const add = (events: readonly InferenceEvent[]) => {
    for (const event of events) {
      facts.observe(event)
      options.watch.note(event)
      options.onText?.(textIn(event))
      fold.add(event)
    }
  }

  return {
    facts,
    get losses() {
      return losses
    },
    read: (chunk) => add(reader.read(chunk)),
    end: () => add(reader.end()),
    cutShort(usage) {
      const closing = facts.closing(usage)
      add(closing)
      return closing.length > 0
    },
    result() {
      const answer = to.writeResult(fold.result(), options)
      losses = answer.losses
      return Buffer.from(answer.body)
    },
  }
}

type PartEnd = Extract<InferenceEvent, { readonly type: 'text-end' | 'reasoning-end' | 'refusal-end' }>
type Place = Pick<PartEnd, 'candidate' | 'part'>

function placeOf({ candidate, part }: Place): string {
  return `${candidate} ${part}`
}

function encode(text: string): Uint8Array {
  return text === '' ? NOTHING : Buffer.from(text)
}

/** What a passthrough would know, learned from events instead. */
export class EventFacts implements StreamFacts {
  readonly #reader: StreamReader
  /** The parts that are open, and by what they end. */
  readonly #open = new Map<string, PartEnd>()
  /** Candidates that have begun and not finished. */
  readonly #unfinished = new Set<number>()
  hasContent = false
  hasMalformedToolCall = false
  /** Calls that have begun and not ended. */
  #openCalls = 0
  finish?: Finish
  usage?: Usage
  modelId?: string
  error?: GatewayError

  constructor(reader: StreamReader) {
    this.#reader = reader
  }

  get isComplete(): boolean {
    return this.#reader.isComplete
  }

  get isInToolCall(): boolean {
    return this.#openCalls > 0
  }

  get isTerminated(): boolean {
    return this.#reader.isTerminated
  }

  get anomalies(): number {
    return this.#reader.anomalies
  }

  /** What ends the answer here as one cut short by its ceiling; nothing where no candidate is under way. */
  closing(usage: Usage): readonly InferenceEvent[] {
    if (this.#unfinished.size === 0) return []
    const finishes = [...this.#unfinished].map(
      (candidate) => ({ type: 'finish', candidate, finish: { reason: 'length' } }) as const,
    )
    return [...this.#open.values(), ...finishes, { type: 'usage-update', usage }]
  }

  #follow(event: InferenceEvent): void {
    switch (event.type) {
      case 'text-start':
        return this.#begin(event, 'text-end')
      case 'reasoning-start':
        return this.#begin(event, 'reasoning-end')
      case 'refusal-start':
        return this.#begin(event, 'refusal-end')
      case 'tool-call-start':
      case 'opaque':
        this.#unfinished.add(event.candidate)
        return
      case 'text-end':
      case 'reasoning-end':
      case 'refusal-end':
        this.#open.delete(placeOf(event))
        return
      case 'finish':
        this.#unfinished.delete(event.candidate)
        return
      default:
    }
  }

  #begin({ candidate, part }: Place, type: PartEnd['type']): void {
    this.#unfinished.add(candidate)
    this.#open.set(placeOf({ candidate, part }), { type, candidate, part })
  }

  observe(event: InferenceEvent): void {
    this.#follow(event)
    if (!this.hasContent && isContent(event)) this.hasContent = true
    switch (event.type) {
      case 'answer-start':
        if (event.modelId !== undefined) this.modelId = event.modelId
        return
      case 'usage-update':
        this.usage = event.usage
        return
      case 'finish':
        if (event.candidate === 0 || this.finish === undefined) this.finish = event.finish
        return
      case 'tool-call-start':
        this.#openCalls += 1
        return
      case 'tool-call-end':
        this.#openCalls -= 1
        if (event.isMalformed === true) this.hasMalformedToolCall = true
        return
      case 'error':
        this.error ??= event.error
        return
      default:
    }
  }
}
