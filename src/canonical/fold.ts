/** Folds the events of an answer into the answer they amount to. */

import { assertNever } from '../std/assert-never.ts'
import type { JsonObject, JsonValue } from '../std/json.ts'
import type { InferenceEvent } from './event.ts'
import type { Finish } from './finish.ts'
import type { Citation, Part } from './message.ts'
import type { Candidate, InferenceResult } from './result.ts'
import type { Usage } from './usage.ts'

export interface Fold {
  add(event: InferenceEvent): void
  /** What the events so far amount to; candidates in order of their index. */
  result(): InferenceResult
}

export function createFold(): Fold {
  return new EventFold()
}

/** A part that may still grow. Text is kept in pieces, so that a long answer is joined once. */
interface OpenPart {
  readonly kind: 'text' | 'reasoning' | 'refusal' | 'tool-call'
  readonly pieces: string[]
  readonly id: string
  readonly name: string
  readonly toolKind: 'function' | 'custom' | 'provider' | undefined
  readonly reasoningId: string | undefined
  citations: readonly Citation[] | undefined
  signature: string | undefined
  encrypted: string | undefined
}

interface OpenCandidate {
  readonly parts: Map<number, OpenPart | Part>
  finish: Finish | undefined
  logprobs: JsonValue[] | undefined
}

class EventFold implements Fold {
  readonly #candidates = new Map<number, OpenCandidate>()
  #start: { responseId?: string; modelId?: string; createdAtS?: number; raw?: JsonObject } = {}
  #usage: Usage | undefined

  add(event: InferenceEvent): void {
    switch (event.type) {
      case 'answer-start': {
        const { type: _type, ...start } = event
        this.#start = start
        return
      }
      case 'text-start':
        return this.#open(event, openPart('text'))
      case 'reasoning-start':
        return this.#open(event, openPart('reasoning', { reasoningId: event.id }))
      case 'refusal-start':
        return this.#open(event, openPart('refusal'))
      case 'tool-call-start':
        return this.#open(event, openPart('tool-call', event))
      case 'text-delta':
      case 'reasoning-delta':
      case 'refusal-delta':
        return this.#append(event, event.text)
      case 'tool-call-delta':
        return this.#append(event, event.argumentsDelta)
      case 'text-end':
        return this.#amend(event, { citations: event.citations, signature: event.signature })
      case 'reasoning-end':
        return this.#amend(event, { signature: event.signature, encrypted: event.encrypted })
      case 'tool-call-end':
        return this.#amend(event, { signature: event.signature })
      case 'refusal-end':
        return
      case 'opaque':
        this.#candidate(event.candidate).parts.set(event.part, {
          type: 'opaque',
          dialect: event.dialect,
          value: event.value,
        })
        return
      case 'logprobs-delta': {
        const candidate = this.#candidate(event.candidate)
        candidate.logprobs ??= []
        for (const logprob of event.content) candidate.logprobs.push(logprob)
        return
      }
      case 'usage-update':
        this.#usage = event.usage
        return
      case 'finish':
        this.#candidate(event.candidate).finish = event.finish
        return
      case 'error':
        return
      default:
        assertNever(event)
    }
  }

  result(): InferenceResult {
    const candidates = [...this.#candidates.entries()]
      .sort(([left], [right]) => left - right)
      .map(([index, candidate]) => closeCandidate(index, candidate))
    return {
      ...this.#start,
      candidates,
      ...(this.#usage === undefined ? {} : { usage: this.#usage }),
    }
  }

  #candidate(index: number): OpenCandidate {
    const known = this.#candidates.get(index)
    if (known) return known
    const opened: OpenCandidate = { parts: new Map(), finish: undefined, logprobs: undefined }
    this.#candidates.set(index, opened)
    return opened
  }

  #open(at: { candidate: number; part: number }, part: OpenPart): void {
    this.#candidate(at.candidate).parts.set(at.part, part)
  }

  #append(at: { candidate: number; part: number }, piece: string): void {
    const part = this.#candidate(at.candidate).parts.get(at.part)
    if (part && 'pieces' in part) part.pieces.push(piece)
  }

  #amend(
    at: { candidate: number; part: number },
    change: Partial<Pick<OpenPart, 'citations' | 'signature' | 'encrypted'>>,
  ): void {
    const part = this.#candidate(at.candidate).parts.get(at.part)
    if (part && 'pieces' in part) Object.assign(part, change)
  }
}

function openPart(
  kind: OpenPart['kind'],
  call?: {
    id?: string
    name?: string
    kind?: 'function' | 'custom' | 'provider'
    reasoningId?: string | undefined
  },
): OpenPart {
  return {
    kind,
    pieces: [],
    id: call?.id ?? '',
    name: call?.name ?? '',
    toolKind: call?.kind,
    reasoningId: call?.reasoningId,
    citations: undefined,
    signature: undefined,
    encrypted: undefined,
  }
}

function closeCandidate(index: number, candidate: OpenCandidate): Candidate {
  const parts = [...candidate.parts.entries()]
    .sort(([left], [right]) => left - right)
    .map(([, part]) => ('pieces' in part ? closePart(part) : part))
  return {
    index,
    parts,
    ...(candidate.finish === undefined ? {} : { finish: candidate.finish }),
    ...(candidate.logprobs === undefined ? {} : { logprobs: candidate.logprobs }),
  }
}

function closePart(part: OpenPart): Part {
  const text = part.pieces.join('')
  const signed = part.signature === undefined ? {} : { signature: part.signature }
  switch (part.kind) {
    case 'text':
      return {
        type: 'text',
        text,
        ...(part.citations === undefined ? {} : { citations: part.citations }),
        ...signed,
      }
    case 'reasoning':
      return {
        type: 'reasoning',
        text,
        ...(part.reasoningId === undefined ? {} : { id: part.reasoningId }),
        ...signed,
        ...(part.encrypted === undefined ? {} : { encrypted: part.encrypted }),
      }
    case 'refusal':
      return { type: 'refusal', text }
    case 'tool-call':
      return {
        type: 'tool-call',
        id: part.id,
        name: part.name,
        arguments: text,
        ...(part.toolKind === undefined ? {} : { kind: part.toolKind }),
        ...signed,
      }
    default:
      return assertNever(part.kind)
  }
}
