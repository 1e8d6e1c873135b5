/** Reads another attempt's answer and says it on in the stream that broke off. */

import type {
  Dialect,
  ErrorContext,
  Passthrough,
  ResumedStream,
  StreamFacts,
  StreamReader,
  TargetDialect,
} from '../dialects/dialect.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import { nativeContinuationOf } from '../providers/target.ts'
import type { UpstreamResponse } from '../upstream/attempt.ts'
import type { Usage } from '../canonical/usage.ts'
import { brokenOff } from './answer-facts.ts'
import type { AnswerLimit } from './answer-limit.ts'
import type { AttemptEntry } from './attempt-log.ts'
import { joinBytes } from './join-bytes.ts'
import type { Rung } from './rescue-rules.ts'
import { createSplice, type Splice, type SpliceMode } from './splice.ts'
import type { ResumedLeg } from './stream-source.ts'
import { textIn } from './text-bytes.ts'
import { EventFacts } from './translator.ts'
import type { UpstreamChunks } from './upstream-chunks.ts'

export interface ContinuationInit {
  readonly rung: Rung
  readonly target: Target
  readonly targetDialect: TargetDialect
  readonly resumed: ResumedStream
  readonly response: UpstreamResponse
  readonly attempt: AttemptEntry
  readonly limit?: AnswerLimit | undefined
  readonly chunks: UpstreamChunks
  /** The client's. */
  readonly dialect: Pick<Dialect, 'writeStreamError'>
  /** The stream has a place for comments that no client reads as content. */
  readonly isEvents: boolean
}

/** Waits for the first content beyond what was delivered. Throws what keeps it from coming, `rescue_diverged` included. */
export async function openContinuation(init: ContinuationInit): Promise<ResumedLeg> {
  const { response } = init
  try {
    const pipe = new ContinuationPipe(init)
    const head = await readOn(init, pipe)
    const { target, attempt, chunks, rung, limit } = init
    return { leg: { target, attempt, response, chunks, pipe, limit }, head, isAnew: rung > 1 }
  } catch (error) {
    response.cancel()
    throw error
  }
}

async function readOn({ chunks, response, attempt, ...init }: ContinuationInit, pipe: ContinuationPipe) {
  const { facts } = pipe
  const head: Uint8Array[] = []
  while (head.length === 0 && !facts.isTerminated) {
    const step = await chunks.next(facts.isComplete)
    if (!step.done) chunks.bytes += step.value.length
    const bytes = step.done ? pipe.end() : pipe.read(step.value)
    if (facts.error) throw facts.error
    if (init.limit?.isReachedBy(facts)) throw init.limit.error()
    if (facts.hasContent) {
      response.markContent()
      attempt.markFirstToken()
    }
    if (bytes.length > 0) head.push(bytes)
    if (step.done) break
  }
  if (head.length === 0 && !facts.isComplete) throw brokenOff()
  return joinBytes(init.isEvents ? [label(init), ...head] : head)
}

/** Said in a comment, which every reader of server-sent events passes over: that the stream was rescued, how and by whom. */
function label({ rung, target }: Pick<ContinuationInit, 'rung' | 'target'>): Uint8Array {
  return Buffer.from(
    `: holdfast-rescue rung=${rung} target=${target.id.replaceAll(/[^\x21-\x7e]/g, '?')}\n\n`,
  )
}

class ContinuationPipe implements Passthrough {
  readonly #reader: StreamReader
  readonly #splice: Splice
  readonly #writer: ResumedStream['writer']
  readonly #facts: EventFacts
  readonly #dialect: ContinuationInit['dialect']
  readonly #limit: AnswerLimit | undefined
  #isEnded = false

  constructor({ rung, target, targetDialect, resumed, dialect, limit }: ContinuationInit) {
    this.#limit = limit
    this.#dialect = dialect
    this.#reader = targetDialect.createStreamReader()
    this.#splice = createSplice(resumed.delivered, spliceMode(rung, target))
    this.#writer = resumed.writer
    this.#facts = new EventFacts(this.#reader)
  }

  get facts(): StreamFacts {
    return this.#facts
  }

  get losses() {
    return this.#writer.losses
  }

  read(chunk: Uint8Array): Uint8Array {
    return Buffer.from(this.#say(this.#reader.read(chunk)))
  }

  end(): Uint8Array {
    if (this.#isEnded) return NOTHING
    this.#isEnded = true
    const text = this.#say(this.#reader.end())
    const isWhole = this.#reader.isComplete && this.#facts.error === undefined
    if (isWhole && !this.#splice.isCaughtUp) throw divergence()
    return Buffer.from(isWhole ? text + this.#writer.end() : text)
  }

  cutShort(usage: Usage): Uint8Array | undefined {
    const closing = this.#facts.closing(usage)
    if (closing.length === 0 || !this.#splice.isCaughtUp) return undefined
    return Buffer.from(this.#say(closing) + this.#writer.end())
  }

  writeError(error: GatewayError, context: ErrorContext): string {
    return this.#writer.writeError?.(error, context) ?? this.#dialect.writeStreamError(error, context)
  }

  #say(events: ReturnType<StreamReader['read']>): string {
    for (const event of events) {
      this.#facts.observe(event)
      this.#limit?.note(textIn(event))
    }
    const spliced = this.#splice.add(events)
    if (this.#splice.hasDiverged) throw divergence()
    let text = ''
    for (const event of spliced) if (event.type !== 'error') text += this.#writer.write(event)
    return text
  }
}

/** Some repeat the beginning that they were given. */
function spliceMode(rung: Rung, target: Target): SpliceMode {
  if (rung === 2) return 'verify'
  return rung === 1 && nativeContinuationOf(target) === 'echoed-prefix' ? 'echo' : 'append'
}

const NOTHING = new Uint8Array(0)

function divergence(): GatewayError {
  return new GatewayError('rescue_diverged', 'The answer does not begin with the words that were delivered.')
}
