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

const NOTHING = new Uint8Array(0)

/** What is known of the answer before it comes: for the one who reads it, and for the one who says it again. */
export interface TranslationOptions extends WriteAnswerOptions, ReadStreamOptions {
  /** Notes who made the state in the answer. */
  readonly watch: Pick<StateWatch, 'note'>
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
    end() {
      const text = write(reader.end())
      return encode(reader.isComplete && facts.error === undefined ? text + writer.end() : text)
    },
  }
}

/** Reads one dialect's stream and makes another's plain answer of it. */
export interface TranslatingFolder extends Folder {
  readonly losses: readonly Loss[]
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
    result() {
      const answer = to.writeResult(fold.result(), options)
      losses = answer.losses
      return Buffer.from(answer.body)
    },
  }
}

function encode(text: string): Uint8Array {
  return text === '' ? NOTHING : Buffer.from(text)
}

/** What a passthrough would know, learned from events instead. */
export class EventFacts implements StreamFacts {
  readonly #reader: StreamReader
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

  observe(event: InferenceEvent): void {
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
