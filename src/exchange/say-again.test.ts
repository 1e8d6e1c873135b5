import { describe, expect, test } from 'vitest'
import type { Dialect } from '../dialects/dialect.ts'
import { anthropicMessages } from '../dialects/anthropic-messages/index.ts'
import { gemini } from '../dialects/gemini/index.ts'
import { openaiChat } from '../dialects/openai-chat/index.ts'
import { openaiCompletions } from '../dialects/openai-completions/index.ts'
import { openaiResponses } from '../dialects/openai-responses/index.ts'
import type { PathFacts } from '../canonical/envelope.ts'
import type { InferenceResult } from '../canonical/result.ts'
import { unfold } from '../canonical/unfold.ts'
import type { Exchange } from '../execution/exchange.ts'
import { StopSource } from '../std/stop-signal.ts'
import { type AnswerForm, answerForm } from './answer-form.ts'
import { isWholeAnswer } from './cacheable.ts'
import type { KeptReply } from './kept-reply.ts'
import { readAnswer, sayAgain } from './say-again.ts'

const bodies: readonly (readonly [Dialect, object])[] = [
  [openaiChat, { messages: [{ role: 'user', content: 'hi' }] }],
  [anthropicMessages, { max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] }],
  [openaiResponses, { input: 'hi', store: false }],
  [openaiCompletions, { prompt: 'hi' }],
  [gemini, { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] }],
]

const said: InferenceResult = {
  responseId: 'id_1',
  modelId: 'm',
  createdAtS: 7,
  candidates: [{ index: 0, parts: [{ type: 'text', text: 'hello there' }], finish: { reason: 'stop' } }],
  usage: { inputTokens: 3, outputTokens: 5 },
}

function exchangeOf(dialect: Dialect, fields: object, form: AnswerForm): Exchange {
  const stream = form !== 'plain'
  const isGemini = dialect === gemini
  const travel = stream
    ? { stream: true, ...(form === 'sse' ? { stream_options: { include_usage: true } } : {}) }
    : {}
  const body = Buffer.from(JSON.stringify(isGemini ? fields : { model: 'm', ...fields, ...travel }))
  const streamForm = form === 'json-array' ? 'json-array' : 'sse'
  const named: PathFacts = { modelId: 'm', stream, ...(stream ? { streamForm } : {}) }
  return {
    id: 'req_2',
    dialect,
    operation: 'chat',
    envelope: dialect.peek(body, 'chat', isGemini ? named : undefined),
    ...(isGemini ? { named } : {}),
    body,
    headers: {},
    arrivedAtMs: 0,
    signal: new StopSource(),
  }
}

/** The answer as it was said first. */
function keptAs({ dialect, envelope }: Exchange): KeptReply {
  const { streamForm, wantsStreamUsage } = envelope
  const shape = streamForm === undefined ? {} : { streamForm }
  const options = { responseId: 'id_1', modelId: 'm', createdAtS: 7, wantsUsage: wantsStreamUsage, ...shape }
  const writer = dialect.createStreamWriter(options)
  const text = envelope.stream
    ? unfold(said)
        .map((event) => writer.write(event))
        .join('') + writer.end()
    : dialect.writeResult(said, options).body
  const form = answerForm(envelope)
  const head = {
    exchangeId: 'req_1',
    status: 200,
    contentType: 'x',
    createdAtMs: 7_000,
    form,
    usage: said.usage ?? {},
  }
  return { ...head, body: Buffer.from(text) }
}

const textOf = (result: InferenceResult | undefined) =>
  result?.candidates.map(({ parts }) => parts.map((part) => (part.type === 'text' ? part.text : '')).join(''))

describe.each(bodies)('an answer of %o', (dialect, fields) => {
  const forms: readonly AnswerForm[] =
    dialect === gemini ? ['plain', 'sse', 'json-array'] : ['plain', 'sse', 'sse-bare']
  const pairs = forms.flatMap((from) => forms.map((to) => [from, to] as const))

  test.each(pairs)('kept as %s is said as %s with the same words and tokens', (from, to) => {
    const first = exchangeOf(dialect, fields, from)
    const kept = keptAs(first)
    const asked = exchangeOf(dialect, fields, to)
    const again = sayAgain(kept, asked)
    const result = again && readAnswer(dialect, { ...again, form: answerForm(asked.envelope) }, 1)
    expect(textOf(result)).toEqual(['hello there'])
    expect(result && isWholeAnswer(result)).toBe(true)
    // An id that the dialect says is the one of the first time.
    expect(result?.responseId).toBe(readAnswer(dialect, kept, 1)?.responseId)
    if (asked.envelope.stream && !asked.envelope.wantsStreamUsage) return
    expect(result?.usage).toMatchObject({ inputTokens: 3, outputTokens: 5 })
  })

  test('is the very same bytes where the form is the same', () => {
    const asked = exchangeOf(dialect, fields, 'plain')
    const kept = keptAs(asked)
    expect(sayAgain(kept, asked)?.body).toBe(kept.body)
  })

  test('that is cut anywhere is not read as a whole one', () => {
    const asked = exchangeOf(dialect, fields, 'sse')
    const kept = keptAs(asked)
    const end = Buffer.from(kept.body).lastIndexOf('hello there')
    const cut = readAnswer(dialect, { ...kept, body: kept.body.subarray(0, end) }, 1)
    expect(cut === undefined || !isWholeAnswer(cut)).toBe(true)
  })
})
