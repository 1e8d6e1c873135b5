/** Faults in every dialect: those that only one of them can have, and that the others befall it or say that they cannot. */

import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import { targetDialects } from '../../dialects/index.ts'
import { jsonsOf, messagesOf, spokenText } from '../dialect-asking.test-support.ts'
import { ask } from '../raw-client.test-support.ts'
import { canBefall } from '../fault-chooser.ts'
import { faults } from '../faults.ts'
import { readHead } from '../read-request.ts'
import { SIMULATED_DIALECTS, type SimulatedDialect } from '../request.ts'
import { createFaultBench, json, WHOLE } from './fault-bench.test-support.ts'

const bench = createFaultBench()

const NEWER = SIMULATED_DIALECTS.filter(
  (dialect) => dialect !== 'openai-chat' && dialect !== 'anthropic-messages',
)

/** What the gateway's reader makes of a stream, event by event. */
function heard(dialect: SimulatedDialect, body: Buffer) {
  const reader = targetDialects.get(dialect)?.createStreamReader()
  if (!reader) throw new Error(`the gateway does not speak ${dialect}`)
  const events: InferenceEvent[] = []
  for (let at = 0; at < body.length; at += 50) events.push(...reader.read(body.subarray(at, at + 50)))
  events.push(...reader.end())
  const text = events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('')
  return { text, reader, last: events.at(-1) }
}

describe('faults of Bedrock', () => {
  test.each(['message', 'prelude'])('bedrock-bad-crc spoils the checksum of one %s', async (part) => {
    const { body } = await bench.struckIn('bedrock-converse', `bedrock-bad-crc(part=${part})`, {
      stream: true,
    })
    const messages = messagesOf(body)
    expect(messages.filter(({ isSound }) => !isSound)).toHaveLength(1)
    expect(messages.findIndex(({ isSound }) => !isSound)).toBe(6)
    expect(messages).toHaveLength(20)
  })

  test('bedrock-cut-frame ends inside a frame, in good order or not', async () => {
    const whole = await bench.struckIn('bedrock-converse', 'bedrock-cut-frame', { stream: true })
    expect(whole.isWhole).toBe(true)
    expect(messagesOf(whole.body)).toHaveLength(6)
    const framed = messagesOf(whole.body).length
    expect(whole.body.length).toBeGreaterThan(framed * 100)
    const reset = await bench.struckIn('bedrock-converse', 'bedrock-cut-frame(by=rst)', { stream: true })
    expect(reset).toMatchObject({ isWhole: false, ending: 'rst' })
    expect(heard('bedrock-converse', whole.body).reader.isComplete).toBe(false)
  })

  test('bedrock-huge-frame states four gigabytes under a checksum that is right', async () => {
    const { body } = await bench.struckIn('bedrock-converse', 'bedrock-huge-frame', { stream: true })
    expect(body.includes(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toBe(true)
    expect(heard('bedrock-converse', body).reader.isComplete).toBe(false)
  })

  test('bedrock-exception is the last message, of a type that may be unknown', async () => {
    const fault = 'bedrock-exception(type=futureException)'
    const { body } = await bench.struckIn('bedrock-converse', fault, { stream: true })
    expect(messagesOf(body).at(-1)).toMatchObject({
      headers: { ':message-type': 'exception', ':exception-type': 'futureException' },
      isSound: true,
    })
    expect(heard('bedrock-converse', body).last).toMatchObject({ type: 'error' })
  })
})

describe('faults of Responses', () => {
  const numbers = async (fault: string) => {
    const { body } = await bench.struckIn('openai-responses', fault, { stream: true })
    return jsonsOf('openai-responses', body).map((data) => JSON.parse(data).sequence_number)
  }

  test('responses-out-of-order, responses-sequence-gap and duplicate-chunk-id spoil the sequence', async () => {
    expect((await numbers('responses-out-of-order')).slice(8, 12)).toEqual([8, 10, 9, 11])
    expect((await numbers('responses-sequence-gap(count=2)')).slice(8, 11)).toEqual([8, 11, 12])
    expect((await numbers('duplicate-chunk-id')).slice(7, 11)).toEqual([7, 8, 8, 9])
  })

  test('responses-error is an event that is nothing but an error', async () => {
    const { body } = await bench.struckIn('openai-responses', 'responses-error', { stream: true })
    const last = JSON.parse(jsonsOf('openai-responses', body).at(-1) ?? '')
    expect(last).toEqual({
      type: 'error',
      sequence_number: 9,
      code: 'server_error',
      message: 'The server had an error. Simulated.',
      param: null,
    })
  })

  test('an error in its own words is a response that has failed', async () => {
    const { body } = await bench.struckIn('openai-responses', 'error-after-content', { stream: true })
    const last = JSON.parse(jsonsOf('openai-responses', body).at(-1) ?? '')
    expect(last).toMatchObject({
      type: 'response.failed',
      sequence_number: 9,
      response: { status: 'failed', error: { code: 'overloaded' } },
    })
  })

  test('duplicate-chunk-id gives two events of another dialect one id', async () => {
    const { body } = await bench.struckIn('openai-chat', 'duplicate-chunk-id', { stream: true })
    const ids = [...body.toString().matchAll(/^id: (\d+)$/gm)].map(([, id]) => id)
    expect(new Set(ids).size).toBeLessThan(ids.length)
    expect(spokenText('openai-chat', jsonsOf('openai-chat', body))).toBe(WHOLE)
  })
})

describe('faults of Gemini', () => {
  const candidateOf = async (fault: string, stream: boolean) => {
    const { body } = await bench.struckIn('gemini', fault, { stream })
    return JSON.parse(stream ? (jsonsOf('gemini', body).at(-1) ?? '') : body.toString())
  }

  test.each([false, true])('gemini-block-reason has no candidate (stream: %s)', async (stream) => {
    const value = await candidateOf('gemini-block-reason', stream)
    expect(value.promptFeedback).toEqual({ blockReason: 'PROHIBITED_CONTENT' })
    expect(value.candidates).toBeUndefined()
  })

  test.each([false, true])(
    'gemini-malformed-function-call and gemini-empty-parts say nothing (stream: %s)',
    async (stream) => {
      expect((await candidateOf('gemini-malformed-function-call', stream)).candidates).toMatchObject([
        { finishReason: 'MALFORMED_FUNCTION_CALL', finishMessage: expect.any(String) },
      ])
      const contents = []
      for (const kind of ['empty', 'absent', 'blank']) {
        const value = await candidateOf(`gemini-empty-parts(kind=${kind})`, stream)
        contents.push(value.candidates[0].content.parts)
      }
      expect(contents).toEqual([[], undefined, [{ text: '' }]])
    },
  )
})

describe('the error bodies of every maker', () => {
  test('are their own', async () => {
    const responses = await bench.struckIn('openai-responses', 'status-429')
    expect(json(responses).error).toMatchObject({ message: expect.any(String), code: null, param: null })
    const google = await bench.struckIn('gemini', 'rate-limit(after=3)')
    expect(json(google).error).toMatchObject({ code: 429, status: 'RESOURCE_EXHAUSTED' })
    expect(JSON.stringify(json(google).error.details)).toMatch(/RetryInfo","retryDelay":"3s"/)
    const daily = await bench.struckIn('gemini', 'daily-quota')
    expect(JSON.stringify(json(daily).error.details)).toContain('PerDay')
    expect(JSON.stringify(json(daily).error.details)).not.toContain('RetryInfo')
    const aws = await bench.struckIn('bedrock-converse', 'status-429')
    expect(aws.headers['x-amzn-errortype']).toMatch(/^ThrottlingException:/)
    expect(Object.keys(json(aws))).toEqual(['message'])
    expect(json(await bench.struckIn('cohere-chat', 'status-500')).message).toContain('simulated')
    expect(typeof json(await bench.struckIn('ollama-chat', 'status-500')).error).toBe('string')
  })
})

test('faults of what a chat says do not befall anything else', async () => {
  const rerank = { path: '/v1/rerank', body: { model: 'mock', query: 'a', documents: ['a'] } }
  const refused = await ask(bench.server.port, { ...rerank, headers: { 'x-simulate': 'unknown-finish' } })
  expect([refused.status, json(refused).error.message]).toEqual([
    400,
    'unknown-finish befalls the answers of a chat only',
  ])
  const struck = await ask(bench.server.port, { ...rerank, headers: { 'x-simulate': 'status-503' } })
  expect(struck.status).toBe(503)
})

/** These never end, or are long by nature: what they do is tested in one dialect. */
const LONG = new Set(
  `byte-by-byte black-hole silent endless-1xx endless-body endless-generation never-first-token
  head-only only-pings no-done hold-after-done slow-head slow-body
  late-first-token stall error-huge error-gzip-bomb body-bomb huge-event
  tiny-events huge-header garbage-status-line duplicate-content-length length-and-chunked extra-response`.split(
    /\s+/,
  ),
)

describe.each(NEWER)('in %s', (dialect) => {
  const head = (stream: boolean) => {
    const path = { gemini: '/v1beta/models/m:generateContent', 'bedrock-converse': '/model/m/converse' }
    const paths: Readonly<Record<string, string>> = {
      ...path,
      'openai-responses': '/v1/responses',
      'openai-completions': '/v1/completions',
      'cohere-chat': '/v2/chat',
      'ollama-chat': '/api/chat',
    }
    return { ...readHead({ method: 'POST', path: paths[dialect] ?? '', headers: {} }), stream }
  }

  test('every fault befalls it, or says that it cannot', async () => {
    for (const fault of faults.values()) {
      if (LONG.has(fault.name)) continue
      const stream = fault.befalls === 'stream'
      const answer = await bench.struckIn(dialect, fault.name, { stream })
      const isMisfit = answer.status === 400 && answer.body.toString().includes('befall')
      expect([fault.name, isMisfit]).toEqual([fault.name, !canBefall(fault, head(stream))])
    }
  })

  test.each(['cut-stream(token=5)', 'cut-stream(token=5,by=rst)', 'no-finish', 'reset-after-start'])(
    '%s leaves a stream that is not complete',
    async (fault) => {
      const { body } = await bench.struckIn(dialect, fault, { stream: true })
      const { text, reader } = heard(dialect, body)
      expect(WHOLE.startsWith(text)).toBe(true)
      expect(reader.isComplete).toBe(false)
    },
  )

  // A stream of Gemini has no last word: what comes after its reason to finish is no different from what came before.
  const afterwards = dialect === 'gemini' ? [] : ['after-terminal']

  test.each(['malformed-event', 'unknown-event', 'two-dones', ...afterwards])(
    '%s does not keep the answer from being whole',
    async (fault) => {
      const { body } = await bench.struckIn(dialect, fault, { stream: true })
      expect(heard(dialect, body)).toMatchObject({ text: WHOLE, reader: { isComplete: true } })
    },
  )

  test('content-filter ends the stream in the middle', async () => {
    const { body } = await bench.struckIn(dialect, 'content-filter(token=5)', { stream: true })
    expect(spokenText(dialect, jsonsOf(dialect, body))).toBe(WHOLE.slice(0, 20))
  })

  test('reasoning-only finishes by length without a word', async () => {
    for (const stream of [false, true]) {
      const { body } = await bench.struckIn(dialect, 'reasoning-only', { stream })
      const jsons = stream ? jsonsOf(dialect, body) : [body.toString()]
      expect(spokenText(dialect, jsons)).toBe('')
      expect(jsons.join('\n')).toMatch(/"(?:length|max_tokens|MAX_TOKENS|max_output_tokens)"/)
    }
  })

  test('an error may come before any content', async () => {
    const { body, status } = await bench.struckIn(dialect, 'error-before-content', { stream: true })
    expect([status, spokenText(dialect, jsonsOf(dialect, body))]).toEqual([200, ''])
    expect(body.toString()).toContain('Overloaded')
  })

  test('byte-by-byte changes nothing but the pieces', async () => {
    const { body } = await bench.struckIn(dialect, 'byte-by-byte', { stream: true })
    expect(heard(dialect, body)).toMatchObject({ text: WHOLE, reader: { isComplete: true } })
  })
})
