/**
 * Writes canonical events as a stream of this dialect: one response for each piece of text, a call of a tool whole once
 * its arguments are, and a last response with the reasons and the usage.
 */

import type { InferenceEvent } from '../../canonical/event.ts'
import type { Finish } from '../../canonical/finish.ts'
import type { Loss } from '../../canonical/loss.ts'
import type { Citation } from '../../canonical/message.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { GatewayError } from '../../errors/gateway-error.ts'
import { type JsonObject, type JsonValue, stringOf } from '../../std/json.ts'
import { LossList } from '../anthropic-messages/losses.ts'
import type { ErrorContext, StreamWriter, WriteAnswerOptions } from '../dialect.ts'
import { writeGrounding } from './citations.ts'
import { DIALECT } from './fields.ts'
import { writeLogprobs } from './logprobs.ts'
import { frameOf, type StreamFrame } from './stream-frame.ts'
import {
  callPart,
  finishFields,
  PROVIDERS_TOOL,
  responseTail,
  signatureField,
  thoughtProof,
  usageField,
} from './write-answer.ts'
import { writeError } from './write-error.ts'

interface OpenCall {
  readonly id: string
  readonly name: string
  readonly kind: 'function' | 'custom' | 'provider' | undefined
  readonly pieces: string[]
}

/** What is said of a candidate when it ends. */
interface Ending {
  finish?: Finish
  readonly logprobs: JsonValue[]
  readonly citations: Citation[]
  readonly malformedCalls: string[]
}

export class GeminiStreamWriter implements StreamWriter {
  readonly #options: WriteAnswerOptions
  readonly #frame: StreamFrame
  readonly #losses = new LossList()
  readonly #calls = new Map<string, OpenCall>()
  readonly #endings = new Map<number, Ending>()
  /** Pieces of reasoning that are open and have said something. */
  readonly #thoughts = new Set<string>()
  #tail: string
  #usage: Usage | undefined

  /** `hasBegun`: responses of the answer were said before. */
  constructor(options: WriteAnswerOptions, hasBegun = false) {
    this.#options = options
    this.#frame = frameOf(options.streamForm, hasBegun)
    this.#tail = tailOf(options.responseId, options.modelId)
  }

  get losses(): readonly Loss[] {
    return this.#losses.list
  }

  write(event: InferenceEvent): string {
    switch (event.type) {
      case 'answer-start': {
        const { responseId, modelId } = this.#options
        this.#tail = tailOf(event.responseId ?? responseId, event.modelId ?? modelId)
        return ''
      }
      case 'text-delta':
      case 'refusal-delta':
        return event.text === '' ? '' : this.#say(event.candidate, `{"text":${JSON.stringify(event.text)}}`)
      case 'reasoning-delta':
        return this.#think(event)
      case 'text-end':
        if (event.citations !== undefined) this.#endingOf(event.candidate).citations.push(...event.citations)
        return event.signature === undefined
          ? ''
          : this.#sayPart(event.candidate, { text: '', ...signatureField(event.signature, this.#options) })
      case 'reasoning-end':
        return this.#endReasoning(event)
      case 'tool-call-start':
        if (event.kind === 'provider') this.#losses.add('content.server_tool_use', PROVIDERS_TOOL)
        else this.#calls.set(placeOf(event), { id: event.id, name: event.name, kind: event.kind, pieces: [] })
        return ''
      case 'tool-call-delta':
        this.#calls.get(placeOf(event))?.pieces.push(event.argumentsDelta)
        return ''
      case 'tool-call-end':
        return this.#endCall(event)
      case 'opaque':
        if (event.dialect === DIALECT) return this.#sayPart(event.candidate, event.value)
        this.#losses.add(`content.${stringOf(event.value['type']) ?? 'part'}`, 'Gemini has no such part.')
        return ''
      case 'logprobs-delta':
        this.#endingOf(event.candidate).logprobs.push(...event.content)
        return ''
      case 'usage-update':
        this.#usage = event.usage
        return ''
      case 'finish':
        this.#endingOf(event.candidate).finish = event.finish
        return ''
      case 'text-start':
      case 'reasoning-start':
      case 'refusal-start':
      case 'refusal-end':
      case 'error':
        return ''
    }
  }

  /** Without a reason the answer is not whole and gets no end. */
  end(): string {
    const candidates = [...this.#endings].flatMap(([index, ending]) => {
      const { finish } = ending
      return finish === undefined ? [] : [lastCandidate(index, { ...ending, finish })]
    })
    if (candidates.length === 0) return ''
    const usage = JSON.stringify(usageField(this.#usage)).slice(1, -1)
    const json = `{"candidates":${JSON.stringify(candidates)},${usage === '' ? '' : `${usage},`}${this.#tail}}`
    return this.#frame.element(json) + this.#frame.close()
  }

  writeError(error: GatewayError, context: ErrorContext): string {
    return this.#frame.element(writeError(error, context)) + this.#frame.close()
  }

  #think({ candidate, part, text }: Extract<InferenceEvent, { type: 'reasoning-delta' }>): string {
    if (text === '') return ''
    this.#thoughts.add(placeOf({ candidate, part }))
    return this.#say(candidate, `{"text":${JSON.stringify(text)},"thought":true}`)
  }

  #endReasoning(event: Extract<InferenceEvent, { type: 'reasoning-end' }>): string {
    const isSaid = this.#thoughts.delete(placeOf(event))
    const proof = thoughtProof(event, isSaid, this.#options)
    if (Object.keys(proof).length === 0) return ''
    return this.#sayPart(event.candidate, { text: '', thought: true, ...proof })
  }

  #endCall(event: Extract<InferenceEvent, { type: 'tool-call-end' }>): string {
    const open = this.#calls.get(placeOf(event))
    if (open === undefined) return ''
    this.#calls.delete(placeOf(event))
    const call = { id: open.id, name: open.name, kind: open.kind, arguments: open.pieces.join('') }
    const part = callPart(call, signatureField(event.signature, this.#options))
    if (part !== undefined) return this.#sayPart(event.candidate, part)
    this.#losses.add('tool_calls.arguments', 'Gemini takes the arguments of a call as an object only.')
    this.#endingOf(event.candidate).malformedCalls.push(`${call.name}(${call.arguments})`)
    return ''
  }

  #sayPart(candidate: number, part: JsonObject): string {
    return this.#say(candidate, JSON.stringify(part))
  }

  /** Put together from text: there is one of these for each piece of an answer. */
  #say(candidate: number, part: string): string {
    return this.#frame.element(
      `{"candidates":[{"content":{"parts":[${part}],"role":"model"},"index":${candidate}}],${this.#tail}}`,
    )
  }

  #endingOf(candidate: number): Ending {
    const known = this.#endings.get(candidate)
    if (known !== undefined) return known
    const ending: Ending = { logprobs: [], citations: [], malformedCalls: [] }
    this.#endings.set(candidate, ending)
    return ending
  }
}

function tailOf(responseId: string, modelId: string): string {
  return JSON.stringify(responseTail({ responseId, modelId })).slice(1, -1)
}

function lastCandidate(index: number, ending: Ending & { readonly finish: Finish }): JsonObject {
  return {
    content: { parts: [{ text: '' }], role: 'model' },
    ...finishFields(ending.finish, ending.malformedCalls),
    index,
    ...(ending.citations.length === 0 ? {} : { groundingMetadata: writeGrounding(ending.citations) }),
    ...(ending.logprobs.length === 0 ? {} : { logprobsResult: writeLogprobs(ending.logprobs) }),
  }
}

function placeOf({ candidate, part }: { readonly candidate: number; readonly part: number }): string {
  return `${candidate}/${part}`
}
