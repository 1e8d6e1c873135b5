/** Says an answer's events as a stream of this dialect, in the form its official SDKs check. */

import type { InferenceEvent } from '../../canonical/event.ts'
import type { Finish } from '../../canonical/finish.ts'
import type { Citation } from '../../canonical/message.ts'
import type { Loss } from '../../canonical/loss.ts'
import type { Usage } from '../../canonical/usage.ts'
import { assertNever } from '../../std/assert-never.ts'
import type { JsonObject } from '../../std/json.ts'
import type { StreamWriter, WriteAnswerOptions } from '../dialect.ts'
import { writeAnnotation } from './citations.ts'
import { callSignature } from './call-signature.ts'
import { DIALECT, listOf } from './fields.ts'
import { finishWord } from './finish-words.ts'
import { Losses } from './losses.ts'
import { mediaFields, noteOpaque, noteProof, noteSignature } from './write-result.ts'
import { writeDetails } from './reasoning-details.ts'
import { writeUsage } from './write-usage.ts'

type EventOf<T extends InferenceEvent['type']> = Extract<InferenceEvent, { type: T }>

interface OpenCall {
  /** Its number among the calls of its candidate. */
  readonly index: number
  readonly isCustom: boolean
  hasArguments: boolean
  isSigned: boolean
}

interface OpenCandidate {
  readonly calls: Map<number, OpenCall>
  /** How many pieces of reasoning have ended. */
  reasoningCount: number
  /** The words of the piece that is open, once it is not the first: its proof has to repeat them. */
  reasoning: string[]
  isFinished: boolean
}

/** What was said before of an answer that goes on. */
export interface SaidBefore {
  /** The role of the only candidate was. */
  readonly hasSaidRole: boolean
  /** By how much the numbers of its calls are ahead of their count. */
  readonly callOffset: number
}

export class OpenaiChatStreamWriter implements StreamWriter {
  readonly #options: WriteAnswerOptions
  readonly #callOffset: number
  readonly #losses = new Losses()
  readonly #candidates = new Map<number, OpenCandidate>()
  /** `{"id":...,"object":...,"created":...,"model":...,"choices":`, the same for every chunk of the answer. */
  #head = ''
  #usage: Usage | undefined
  #isEnded = false

  constructor(options: WriteAnswerOptions, before?: SaidBefore) {
    this.#options = options
    this.#callOffset = before?.callOffset ?? 0
    if (before?.hasSaidRole === true) this.#candidates.set(0, newCandidate())
  }

  get losses(): readonly Loss[] {
    return this.#losses.all
  }

  write(event: InferenceEvent): string {
    switch (event.type) {
      case 'answer-start':
        return this.#start(event)
      case 'text-delta':
        return this.#text(event.candidate, 'content', event.text)
      case 'reasoning-delta':
        return this.#reasoning(event)
      case 'refusal-delta':
        return this.#text(event.candidate, 'refusal', event.text)
      case 'text-end':
        noteSignature(event.signature, this.#losses)
        return this.#citations(event.candidate, event.citations ?? [])
      case 'reasoning-end':
        return this.#endReasoning(event)
      case 'tool-call-start':
        return this.#startCall(event)
      case 'tool-call-delta':
        return this.#growCall(event)
      case 'tool-call-end':
        return this.#endCall(event)
      case 'opaque':
        return this.#opaque(event)
      case 'logprobs-delta':
        return this.#logprobs(event)
      case 'usage-update':
        this.#usage = event.usage
        return ''
      case 'finish':
        return this.#finish(event.candidate, event.finish)
      case 'text-start':
      case 'reasoning-start':
      case 'refusal-start':
      case 'refusal-end':
        return ''
      case 'error':
        // Said by `writeStreamError`, which knows the request; nothing may follow it.
        this.#isEnded = true
        return ''
      default:
        return assertNever(event)
    }
  }

  /** Nothing where an answer is not whole: `[DONE]` would say it is. */
  end(): string {
    if (this.#isEnded || !this.#isComplete()) return ''
    this.#isEnded = true
    const usage = this.#options.wantsUsage ? writeUsage(this.#usage) : undefined
    const chunk = usage === undefined ? '' : this.#chunk(`[],"usage":${JSON.stringify(usage)}`)
    return `${chunk}data: [DONE]\n\n`
  }

  #isComplete(): boolean {
    if (this.#candidates.size === 0) return false
    for (const candidate of this.#candidates.values()) if (!candidate.isFinished) return false
    return true
  }

  /** The first start counts: an answer finished by another target keeps its id. */
  #start(event: EventOf<'answer-start'>): string {
    if (this.#head === '') this.#head = this.#headOf(event)
    return ''
  }

  #headOf(start: Partial<EventOf<'answer-start'>>): string {
    const id = JSON.stringify(start.responseId ?? this.#options.responseId)
    const model = JSON.stringify(start.modelId ?? this.#options.modelId)
    const created = start.createdAtS ?? this.#options.createdAtS
    return `{"id":${id},"object":"chat.completion.chunk","created":${created},"model":${model},"choices":`
  }

  #chunk(choices: string): string {
    if (this.#head === '') this.#head = this.#headOf({})
    return `data: ${this.#head}${choices}}\n\n`
  }

  #text(candidate: number, field: string, text: string): string {
    return text === '' ? '' : this.#delta(candidate, `{"${field}":${JSON.stringify(text)}}`)
  }

  #reasoning({ candidate, text }: EventOf<'reasoning-delta'>): string {
    const said = this.#text(candidate, 'reasoning_content', text)
    const open = this.#candidates.get(candidate)
    if (open !== undefined && open.reasoningCount > 0) open.reasoning.push(text)
    return said
  }

  /** What proves it follows the words; without a maker's name it could not be told from another's, and is a loss. */
  #endReasoning(event: EventOf<'reasoning-end'>): string {
    const { origin } = this.#options
    if (origin === undefined) noteProof(event, this.#losses)
    const hasProof = origin !== undefined && Boolean(event.signature || event.encrypted)
    const opening = hasProof ? this.#open(event.candidate) : ''
    const open = this.#candidates.get(event.candidate)
    if (open === undefined) return opening
    const index = open.reasoningCount
    const text = open.reasoning.join('')
    open.reasoningCount += 1
    open.reasoning = []
    if (!hasProof) return opening
    const details = writeDetails({ ...event, text }, { index, origin })
    return opening + this.#delta(event.candidate, JSON.stringify({ reasoning_details: details }))
  }

  #delta(candidate: number, delta: string): string {
    return (
      this.#open(candidate) + this.#choice(candidate, `"delta":${delta},"logprobs":null,"finish_reason":null`)
    )
  }

  #choice(candidate: number, members: string): string {
    return this.#chunk(`[{"index":${candidate},${members}}]`)
  }

  /** The role comes first, once. */
  #open(candidate: number): string {
    if (this.#candidates.has(candidate)) return ''
    this.#candidates.set(candidate, newCandidate())
    const delta = '{"role":"assistant","content":"","refusal":null}'
    return this.#choice(candidate, `"delta":${delta},"logprobs":null,"finish_reason":null`)
  }

  #startCall(event: EventOf<'tool-call-start'>): string {
    const opening = this.#open(event.candidate)
    const calls = this.#candidates.get(event.candidate)?.calls
    if (calls === undefined) return opening
    if (event.kind === 'provider') {
      this.#losses.add('content.server_tool_use', 'the OpenAI chat API has no tools that the provider runs')
      return opening
    }
    const isCustom = event.kind === 'custom'
    const index = calls.size + this.#callOffset
    const call: OpenCall = { index, isCustom, hasArguments: false, isSigned: false }
    calls.set(event.part, call)
    const id = JSON.stringify(event.id)
    const name = JSON.stringify(event.name)
    const body = isCustom
      ? `"type":"custom","custom":{"name":${name},"input":""}`
      : `"type":"function","function":{"name":${name},"arguments":""}`
    const delta = `{"tool_calls":[{"index":${call.index},"id":${id},${body}${this.#signed(call, event.signature)}}]}`
    return opening + this.#delta(event.candidate, delta)
  }

  #growCall({ candidate, part, argumentsDelta }: EventOf<'tool-call-delta'>): string {
    const call = this.#candidates.get(candidate)?.calls.get(part)
    if (call === undefined || argumentsDelta === '') return ''
    call.hasArguments = true
    return this.#arguments(candidate, call, argumentsDelta)
  }

  /** Other dialects call without arguments; here their text must be JSON. */
  #endCall({ candidate, part, signature }: EventOf<'tool-call-end'>): string {
    const call = this.#candidates.get(candidate)?.calls.get(part)
    if (call === undefined) return ''
    const rest = call.hasArguments || call.isCustom ? '' : this.#arguments(candidate, call, '{}')
    const member = call.isSigned ? '' : this.#signed(call, signature)
    if (member === '') return rest
    return rest + this.#delta(candidate, `{"tool_calls":[{"index":${call.index}${member}}]}`)
  }

  /** `,"extra_content":...`, or nothing where there is no signature. */
  #signed(call: OpenCall, signature: string | undefined): string {
    const { origin } = this.#options
    if (!signature) return ''
    if (origin === undefined) {
      noteSignature(signature, this.#losses)
      return ''
    }
    call.isSigned = true
    return `,${JSON.stringify(callSignature(signature, origin)).slice(1, -1)}`
  }

  #arguments(candidate: number, call: OpenCall, text: string): string {
    const member = call.isCustom
      ? `"custom":{"input":${JSON.stringify(text)}}`
      : `"function":{"arguments":${JSON.stringify(text)}}`
    return this.#delta(candidate, `{"tool_calls":[{"index":${call.index},${member}}]}`)
  }

  #citations(candidate: number, citations: readonly Citation[]): string {
    const annotations = citations.flatMap((citation) => {
      const annotation = writeAnnotation(citation)
      if (annotation === undefined) this.#losses.add('citations', 'the OpenAI chat API cites links only')
      return listOf(annotation)
    })
    return annotations.length === 0 ? '' : this.#delta(candidate, JSON.stringify({ annotations }))
  }

  #opaque({ candidate, dialect, value }: EventOf<'opaque'>): string {
    const fields: JsonObject = dialect === DIALECT ? mediaFields(value) : {}
    if (Object.keys(fields).length > 0) return this.#delta(candidate, JSON.stringify(fields))
    noteOpaque(value, this.#losses)
    return ''
  }

  #logprobs({ candidate, content }: EventOf<'logprobs-delta'>): string {
    const opening = this.#open(candidate)
    const logprobs = JSON.stringify({ content, refusal: null })
    return opening + this.#choice(candidate, `"delta":{},"logprobs":${logprobs},"finish_reason":null`)
  }

  #finish(candidate: number, finish: Finish): string {
    const opening = this.#open(candidate)
    const open = this.#candidates.get(candidate)
    if (open === undefined || open.isFinished) return opening
    open.isFinished = true
    const word = JSON.stringify(finishWord(finish, open.calls.size > 0))
    return opening + this.#choice(candidate, `"delta":{},"logprobs":null,"finish_reason":${word}`)
  }
}

function newCandidate(): OpenCandidate {
  return { calls: new Map(), reasoningCount: 0, reasoning: [], isFinished: false }
}
