/**
 * What an answer says to whoever acts upon it, in words that belong to no dialect. The oracle makes it from a recording,
 * the official SDKs from what the gateway wrote; the two must agree.
 */

/** Why a model stopped. */
export type FinishKind =
  | 'stop'
  | 'length'
  | 'tool-calls'
  | 'content-filter'
  | 'refusal'
  | 'pause'
  | 'context-window'
  | 'malformed-tool-call'
  | 'error'
  | 'other'

export interface Reading {
  readonly candidates: readonly CandidateReading[]
  readonly usage?: UsageReading
}

export interface CandidateReading {
  readonly index: number
  readonly text: string
  readonly refusal: string
  readonly reasoning: string
  readonly calls: readonly CallReading[]
  readonly finish: FinishKind
  /** How many places the text was taken from. */
  readonly citations: number
  /** How many tokens came with their probability. */
  readonly logprobs: number
  /** Signatures of reasoning and encrypted reasoning. */
  readonly proofs: number
}

export interface CallReading {
  readonly name: string
  /** Parsed; the text itself where it is no JSON or the tool takes free text. */
  readonly input: unknown
  readonly isCustom: boolean
}

export interface UsageReading {
  /** All input, cached tokens included. */
  readonly input: number
  /** All output, reasoning included. */
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite: number
  readonly reasoning: number
}

/** What a recording amounts to. */
export type Verdict =
  | { readonly kind: 'whole'; readonly reading: Reading }
  /** An error inside a good status. */
  | { readonly kind: 'error'; readonly error: ErrorReading }
  /** A whole answer that says nothing at all. */
  | { readonly kind: 'empty'; readonly reading: Reading }
  /** A stream that broke off: no terminal, no error. */
  | { readonly kind: 'broken'; readonly reading: Reading }
  /** No answer of this dialect, or one that is not there yet (a response still queued). */
  | { readonly kind: 'none'; readonly reason: string }
  /** The wire format of another API, filed under this one. */
  | { readonly kind: 'foreign' }

/** An error as it was recorded, before anybody classifies it. */
export interface ErrorReading {
  readonly status: number
  readonly type: string
  readonly code: string
  readonly message: string
}

/** A candidate as it is put together, piece by piece. */
export class CandidateDraft {
  readonly index: number
  text = ''
  refusal = ''
  reasoning = ''
  finish: FinishKind | undefined
  citations = 0
  logprobs = 0
  proofs = 0
  /** Parts that only their own dialect can say: media, server tools. */
  others = 0
  readonly calls: CallDraft[] = []

  constructor(index: number) {
    this.index = index
  }

  /** The answer calls a tool: whatever word it ended with, its client must run the tool. */
  close(): CandidateReading {
    const calls = this.calls.map(({ name, written, isCustom }) => ({
      name,
      isCustom,
      input: isCustom ? written : parseInput(written),
    }))
    const { index, text, refusal, reasoning, citations, logprobs, proofs } = this
    const stopped = this.finish ?? 'stop'
    const finish =
      calls.length > 0 && (stopped === 'stop' || stopped === 'other' || stopped === 'malformed-tool-call')
        ? ('tool-calls' as const)
        : stopped
    return { index, text, refusal, reasoning, calls, finish, citations, logprobs, proofs }
  }

  get isEmpty(): boolean {
    const said = this.text + this.refusal + this.reasoning
    return said === '' && this.calls.length + this.proofs + this.others === 0
  }
}

/** The candidates of one answer, made when they are first spoken of. */
export class AnswerDraft {
  readonly #candidates = new Map<number, CandidateDraft>()
  usage: UsageReading | undefined

  candidate(index: number): CandidateDraft {
    const known = this.#candidates.get(index) ?? new CandidateDraft(index)
    this.#candidates.set(index, known)
    return known
  }

  get candidates(): readonly CandidateDraft[] {
    return [...this.#candidates.values()].sort((left, right) => left.index - right.index)
  }

  /** A plain answer is whole because all of it came; a word for its end may be missing. */
  verdictOfPlain(): Verdict {
    return { kind: this.#isEmpty ? 'empty' : 'whole', reading: this.#reading() }
  }

  /** A stream is whole when every candidate begun has come to its end. */
  verdictOfStream(): Verdict {
    const drafts = this.candidates
    const isWhole = drafts.length > 0 && drafts.every(({ finish }) => finish !== undefined)
    return isWhole ? this.verdictOfPlain() : { kind: 'broken', reading: this.#reading() }
  }

  /** An answer cut by its limit or by a filter may say nothing and is an answer all the same. */
  get #isEmpty(): boolean {
    return this.candidates.every(
      (draft) => draft.isEmpty && (draft.finish === undefined || !finalEvenWhenEmpty.has(draft.finish)),
    )
  }

  #reading(): Reading {
    const candidates = this.candidates.map((draft) => draft.close())
    return { candidates, ...(this.usage === undefined ? {} : { usage: this.usage }) }
  }
}

const finalEvenWhenEmpty: ReadonlySet<FinishKind> = new Set([
  'length',
  'content-filter',
  'refusal',
  'context-window',
])

export interface CallDraft {
  readonly key: string
  name: string
  written: string
  isCustom: boolean
}

/** Arguments as a value. None at all, and `null` where a tool takes none, are an empty object. */
export function parseInput(written: string): unknown {
  if (written.trim() === '') return {}
  try {
    return (JSON.parse(written) as unknown) ?? {}
  } catch {
    return written
  }
}
