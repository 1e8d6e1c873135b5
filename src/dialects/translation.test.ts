/**
 * True answers of providers, said in the other dialect and read back: nothing a client acts upon may change on the way.
 * The recordings lie beside the repository; where they do not, these tests are skipped and say so.
 */

import { describe, expect, test } from 'vitest'
import type { DialectId } from '../canonical/envelope.ts'
import type { FinishReason } from '../canonical/finish.ts'
import { createFold } from '../canonical/fold.ts'
import type { Part } from '../canonical/message.ts'
import type { InferenceResult } from '../canonical/result.ts'
import type { Usage } from '../canonical/usage.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { parseJson } from '../std/json.ts'
import {
  hasRecordings,
  type Recording,
  readRecordings,
  whySkipped,
} from './anthropic-messages/recordings.test-support.ts'
import type { Dialect, StreamReader } from './dialect.ts'
import { anthropicMessages, openaiChat } from './index.ts'

const options = { responseId: 'id_own', modelId: 'own-model', createdAtS: 1_700_000_000, wantsUsage: true }

const pairs = [
  { from: openaiChat, to: anthropicMessages, answersMin: 1_500 },
  { from: anthropicMessages, to: openaiChat, answersMin: 500 },
]

/** All of them at once take a second or two. */
const TIMEOUT_MS = 60_000

describe.skipIf(!hasRecordings)(`true answers keep their meaning${whySkipped}`, () => {
  test.each(pairs)(
    'from $from.id to $to.id and back to what a client acts upon',
    ({ from, to, answersMin }) => {
      let answers = 0
      for (const recording of readRecordings(from.id)) {
        const there = recording.status === 200 ? answerOf(recording, from) : undefined
        if (there === undefined) continue
        const back = recording.stream ? throughStream(recording.stream, from, to) : throughAnswer(there, to)
        expect([recording.id, gist(back)]).toEqual([recording.id, expectedGist(there, to.id)])
        answers += 1
      }
      expect(answers).toBeGreaterThan(answersMin)
    },
    TIMEOUT_MS,
  )
})

/** The whole answer of a recording; `undefined` where it broke off, is none, or says nothing. */
function answerOf(recording: Recording, dialect: Dialect): InferenceResult | undefined {
  const result = readAnswer(recording, dialect)
  // Claude may end its turn without a word, which in the other dialect would be a failure of the provider.
  return result?.candidates.some(({ parts }) => parts.length > 0) ? result : undefined
}

function readAnswer(recording: Recording, dialect: Dialect): InferenceResult | undefined {
  if (recording.stream) {
    const reader = dialect.createStreamReader()
    const result = fold(reader, recording.stream)
    return reader.isComplete ? result : undefined
  }
  if (!recording.body) return undefined
  try {
    return dialect.readResult(bytesOf(JSON.stringify(recording.body)))
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'empty_response') return undefined
    throw error
  }
}

/** Event by event, as the relay does it. */
function throughStream(stream: Buffer, from: Dialect, to: Dialect): InferenceResult {
  const source = from.createStreamReader()
  const writer = to.createStreamWriter(options)
  const events = [...source.read(stream), ...source.end()]
  const said = events.map((event) => writer.write(event)).join('') + writer.end()
  const reader = to.createStreamReader()
  const result = fold(reader, bytesOf(said))
  expect(reader).toMatchObject({ isComplete: true, isTerminated: true, anomalies: 0 })
  return result
}

function throughAnswer(result: InferenceResult, to: Dialect): InferenceResult {
  return to.readResult(bytesOf(to.writeResult(result, options).body))
}

function fold(reader: StreamReader, bytes: Uint8Array): InferenceResult {
  const folded = createFold()
  for (const event of [...reader.read(bytes), ...reader.end()]) folded.add(event)
  return folded.result()
}

/** What a client acts upon: one answer's text, reasoning, calls, finish and counts. */
function gist(result: InferenceResult) {
  const { parts = [], finish } = firstOf(result) ?? {}
  return {
    // A refusal is a text like any other where a dialect has no place of its own for it.
    text: said(parts, 'text') + said(parts, 'refusal'),
    reasoning: said(parts, 'reasoning'),
    calls: parts
      .filter((part) => part.type === 'tool-call')
      .map(({ id, name, kind = 'function', arguments: written }) => ({
        id,
        name,
        kind,
        // Some models write `null` where they have no arguments to give.
        arguments: parseJson(written || '{}') ?? (written === 'null' ? {} : written),
      })),
    finish: finish?.reason,
    usage: countsOf(result.usage),
  }
}

type SaidCall = ReturnType<typeof gist>['calls'][number]

/** The gist that may be expected of the other dialect, which has its own words. */
function expectedGist(result: InferenceResult, to: DialectId): ReturnType<typeof gist> {
  const { calls, finish, usage, ...same } = gist(result)
  const isRefusal = said(firstOf(result)?.parts ?? [], 'refusal') !== ''
  const toAnthropic = to === 'anthropic-messages'
  return {
    ...same,
    calls: toAnthropic ? calls.map(anthropicCall) : calls,
    finish: toAnthropic ? anthropicFinish(finish, isRefusal) : openaiFinish(finish, calls.length > 0),
    // Anthropic's clients add counts up without asking for them, so that none may be missing.
    usage: toAnthropic ? (usage ?? countsOf({ inputTokens: 0, outputTokens: 0 })) : usage,
  }
}

/** Anthropic takes few characters in the id of a call, and an object alone as its input: free text stands inside one. */
function anthropicCall(call: SaidCall): SaidCall {
  const { id, kind, arguments: given } = call
  return {
    ...call,
    id: id.replace(/[^\w-]/g, '_'),
    kind: 'function',
    arguments: kind === 'custom' ? { input: given } : given,
  }
}

function anthropicFinish(finish: FinishReason | undefined, isRefusal: boolean): FinishReason | undefined {
  return finish === 'content-filter' || isRefusal ? 'refusal' : finish
}

function openaiFinish(finish: FinishReason | undefined, hasCalls: boolean): FinishReason | undefined {
  if (finish !== 'stop' && finish !== 'pause') return finish
  return hasCalls ? 'tool-calls' : 'stop'
}

function firstOf(result: InferenceResult) {
  return result.candidates.find(({ index }) => index === 0)
}

function said(parts: readonly Part[], type: 'text' | 'reasoning' | 'refusal'): string {
  return parts.map((part) => (part.type === type && 'text' in part ? part.text : '')).join('')
}

/** A count that is absent and one that is zero are alike to who adds them up. */
function countsOf(usage: Usage | undefined) {
  if (usage?.inputTokens === undefined && usage?.outputTokens === undefined) return undefined
  return {
    input: usage.inputTokens ?? 0,
    output: usage.outputTokens ?? 0,
    cacheRead: usage.cacheReadTokens ?? 0,
    cacheWrite: usage.cacheWriteTokens ?? 0,
    reasoning: usage.reasoningTokens ?? 0,
  }
}

const encoder = new TextEncoder()
const bytesOf = (text: string) => encoder.encode(text)
