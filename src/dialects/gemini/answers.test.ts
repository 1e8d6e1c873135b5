/** What is read out of answers, plain and streamed, with all that Google's servers do to them. */

import { describe, expect, test } from 'vitest'
import { foldEvents, passThrough, readStream } from '../dialect.contract.ts'
import { gemini } from './index.ts'

const bytesOf = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const framed = (...responses: readonly object[]) =>
  responses.map((response) => `data: ${JSON.stringify(response)}\r\n\r\n`).join('')
const saying = (parts: readonly unknown[], more: object = {}) => ({
  responseId: 'r1',
  candidates: [{ content: { parts, role: 'model' }, index: 0, ...more }],
})
const streamed = (...responses: readonly object[]) =>
  foldEvents(readStream(gemini, [bytesOf(framed(...responses))]))
const plain = (answer: object) => gemini.readResult(bytesOf(answer))
const done = { finishReason: 'STOP' }

describe('parts', () => {
  test('are texts, thoughts, calls, and what only Google knows', () => {
    const code = { executableCode: { language: 'PYTHON', code: '1' }, thoughtSignature: 'ZQ==' }
    const { candidates } = plain(
      saying(
        [
          { text: 'Hm.', thought: true, thoughtSignature: 'dA==' },
          { text: 'So.', thoughtSignature: 'c2ln' },
          { functionCall: { name: 'f', args: { a: 1 } }, thoughtSignature: 'Yw==' },
          { functionCall: { id: 'given', name: 'f' } },
          code,
        ],
        done,
      ),
    )
    expect(candidates[0]?.parts).toEqual([
      { type: 'reasoning', text: 'Hm.', signature: 'dA==' },
      { type: 'text', text: 'So.', signature: 'c2ln' },
      { type: 'tool-call', id: 'call_r1_0', name: 'f', arguments: '{"a":1}', signature: 'Yw==' },
      { type: 'tool-call', id: 'given', name: 'f', arguments: '{}' },
      { type: 'opaque', dialect: 'gemini', value: code },
    ])
    expect(candidates[0]?.finish).toEqual({ reason: 'tool-calls', raw: 'STOP' })
  })

  test('observation 42: a signature on an empty text proves the text before it, or stands alone', () => {
    const after = streamed(saying([{ text: 'So.' }]), saying([{ text: '', thoughtSignature: 'c2ln' }], done))
    expect(after.candidates[0]?.parts).toEqual([{ type: 'text', text: 'So.', signature: 'c2ln' }])
    const alone = streamed(
      saying([{ functionCall: { name: 'f' } }]),
      saying([{ text: '', thoughtSignature: 'c2ln' }], done),
    )
    expect(alone.candidates[0]?.parts[1]).toEqual({ type: 'text', text: '', signature: 'c2ln' })
  })

  test('ids made up for calls are safe everywhere, short, and no two alike', () => {
    const parts = Array.from({ length: 12 }, () => ({ functionCall: { name: 'f' } }))
    const responseId = `weird/id:${'x'.repeat(90)}`
    const { candidates } = plain({
      responseId,
      candidates: [
        { content: { parts }, index: 0, ...done },
        { content: { parts }, index: 1, ...done },
      ],
    })
    const ids = candidates.flatMap((it) => it.parts.map((part) => (part.type === 'tool-call' ? part.id : '')))
    expect(new Set(ids).size).toBe(24)
    for (const id of ids) expect(id).toMatch(/^[a-zA-Z0-9_-]{1,40}$/)
  })

  test('absent, or content absent, say nothing', () => {
    for (const candidate of [{}, { content: {} }, { content: { role: 'model' } }]) {
      expect(plain({ candidates: [{ ...candidate, finishReason: 'MAX_TOKENS' }] }).candidates).toEqual([
        { index: 0, parts: [], finish: { reason: 'length', raw: 'MAX_TOKENS' } },
      ])
    }
  })
})

describe('the end', () => {
  test.each([
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'content-filter'],
    ['RECITATION', 'content-filter'],
    ['BLOCKLIST', 'content-filter'],
    ['PROHIBITED_CONTENT', 'content-filter'],
    ['SPII', 'content-filter'],
    ['IMAGE_SAFETY', 'content-filter'],
    ['MODEL_ARMOR', 'content-filter'],
    ['LANGUAGE', 'other'],
    ['OTHER', 'other'],
    ['MALFORMED_FUNCTION_CALL', 'malformed-tool-call'],
    ['UNEXPECTED_TOOL_CALL', 'malformed-tool-call'],
    ['SOMETHING_NEW', 'other'],
  ])('%s is %s, and is said so again', (word, reason) => {
    const result = plain(saying([{ text: 'x' }], { finishReason: word }))
    expect(result.candidates[0]?.finish).toEqual({ reason, raw: word })
    const known = word === 'SOMETHING_NEW' ? 'OTHER' : word
    expect(gemini.writeResult(result, options).body).toContain(`"finishReason":"${known}"`)
  })

  test('observation 12: numbers stand for words', () => {
    expect(plain(saying([{ text: 'x' }], { finishReason: 2 })).candidates[0]?.finish).toEqual({
      reason: 'length',
      raw: 'MAX_TOKENS',
    })
    expect(plain(saying([{ text: 'x' }], { finishReason: 99 })).candidates[0]?.finish).toEqual({
      reason: 'other',
      raw: '99',
    })
  })

  test('observation 48: the last of several reasons counts, and more may come after each', () => {
    const reader = gemini.createStreamReader()
    const events = [...reader.read(bytesOf(framed(saying([{ text: 'a' }], done))))]
    expect([reader.isComplete, reader.isTerminated]).toEqual([true, false])
    events.push(...reader.read(bytesOf(framed(saying([{ text: 'b' }], { finishReason: 'MAX_TOKENS' })))))
    events.push(...reader.end())
    expect(events.filter(({ type }) => type === 'finish')).toHaveLength(1)
    expect(foldEvents(events).candidates[0]).toEqual({
      index: 0,
      parts: [{ type: 'text', text: 'ab' }],
      finish: { reason: 'length', raw: 'MAX_TOKENS' },
    })
  })

  test('observation 48: a call that came through was expected', () => {
    const parts = [{ functionCall: { name: 'f' } }]
    expect(plain(saying(parts, { finishReason: 'UNEXPECTED_TOOL_CALL' })).candidates[0]?.finish?.reason).toBe(
      'tool-calls',
    )
  })

  test('fault 83: a blocked prompt ends without a candidate', () => {
    const answer = {
      promptFeedback: { blockReason: 'PROHIBITED_CONTENT' },
      usageMetadata: { promptTokenCount: 3 },
    }
    for (const result of [plain(answer), streamed(answer)]) {
      expect(result.candidates).toEqual([
        { index: 0, parts: [], finish: { reason: 'content-filter', raw: 'PROHIBITED_CONTENT' } },
      ])
      expect(result.usage?.inputTokens).toBe(3)
    }
    expect(gemini.createStreamReader().isComplete).toBe(false)
  })

  test('of a plain answer needs no word', () => {
    expect(plain(saying([{ text: 'x' }])).candidates[0]?.finish).toEqual({ reason: 'stop' })
    expect(plain(saying([{ functionCall: { name: 'f' } }])).candidates[0]?.finish).toEqual({
      reason: 'tool-calls',
    })
    expect(streamed(saying([{ text: 'x' }])).candidates[0]?.finish).toBeUndefined()
  })

  test('of a plain answer that says nothing at all is an error', () => {
    for (const answer of [{}, { candidates: [] }, { candidates: [{ index: 0 }] }])
      expect(() => plain(answer)).toThrow(expect.objectContaining({ code: 'empty_response' }) as Error)
  })
})

describe('what stands beside the parts', () => {
  test('tokens: thoughts are output, tools are input, and cached ones are part of the prompt', () => {
    expect(
      plain({
        ...saying([{ text: 'x' }], done),
        usageMetadata: {
          promptTokenCount: 10,
          toolUsePromptTokenCount: 5,
          cachedContentTokenCount: 4,
          candidatesTokenCount: 3,
          thoughtsTokenCount: 2,
          totalTokenCount: 20,
        },
      }).usage,
    ).toMatchObject({ inputTokens: 15, outputTokens: 5, reasoningTokens: 2, cacheReadTokens: 4 })
  })

  test('sources of grounding and citations end up at the text', () => {
    const result = streamed(
      saying([{ text: 'Rain.' }]),
      saying([{ text: '' }], {
        ...done,
        groundingMetadata: {
          groundingChunks: [{ web: { uri: 'https://weather.example/', title: 'Weather' } }],
          groundingSupports: [
            { segment: { startIndex: 0, endIndex: 5, text: 'Rain.' }, groundingChunkIndices: [0] },
          ],
        },
        citationMetadata: { citationSources: [{ uri: 'https://book.example/', startIndex: 1, endIndex: 2 }] },
      }),
    )
    expect(result.candidates[0]?.parts).toMatchObject([
      {
        type: 'text',
        text: 'Rain.',
        citations: [
          {
            url: 'https://weather.example/',
            title: 'Weather',
            citedText: 'Rain.',
            startIndex: 0,
            endIndex: 5,
          },
          { url: 'https://book.example/', startIndex: 1, endIndex: 2 },
        ],
      },
    ])
  })

  test('log probabilities come with their rivals, and go back into two lists', () => {
    const logprobsResult = {
      topCandidates: [{ candidates: [{ token: 'é', logProbability: -0.5 }] }],
      chosenCandidates: [{ token: 'é', logProbability: -0.5 }],
    }
    const result = plain(saying([{ text: 'é' }], { ...done, logprobsResult }))
    expect(result.candidates[0]?.logprobs).toEqual([
      {
        token: 'é',
        logprob: -0.5,
        bytes: [195, 169],
        top_logprobs: [{ token: 'é', logprob: -0.5, bytes: [195, 169] }],
      },
    ])
    expect(JSON.parse(gemini.writeResult(result, options).body)).toMatchObject({
      candidates: [{ logprobsResult }],
    })
  })

  test('several candidates stay apart, and all that were asked for are waited for', () => {
    const two = (first: object, second: object) => ({
      candidates: [
        { content: { parts: [{ text: 'a' }] }, index: 0, ...first },
        { content: { parts: [{ text: 'b' }] }, index: 1, ...second },
      ],
    })
    const reader = gemini.createStreamReader({ candidates: 2 })
    const events = [...reader.read(bytesOf(framed(two(done, {}))))]
    expect(reader.isComplete).toBe(false)
    events.push(...reader.read(bytesOf(framed(two(done, done)))), ...reader.end())
    expect(reader.isComplete).toBe(true)
    expect(foldEvents(events).candidates.map(({ parts }) => parts)).toEqual([
      [{ type: 'text', text: 'aa' }],
      [{ type: 'text', text: 'bb' }],
    ])
  })

  test('who answered, and when', () => {
    expect(
      plain({
        ...saying([{ text: 'x' }], done),
        modelVersion: 'gemini-x',
        createTime: '2026-01-02T03:04:05.678Z',
      }),
    ).toMatchObject({ responseId: 'r1', modelId: 'gemini-x', createdAtS: 1_767_323_045 })
  })
})

describe('a stream', () => {
  const one = saying([{ text: 'a' }])
  const two = saying([{ text: 'b' }], done)
  const array = `[${JSON.stringify(one, undefined, 2)}\n,\r\n${JSON.stringify(two)}\n]`

  test('may be one JSON array that grows, cut anywhere', () => {
    const whole = readStream(gemini, [bytesOf(framed(one, two))])
    for (let at = 0; at <= array.length; at += 1)
      expect(readStream(gemini, [bytesOf(array.slice(0, at)), bytesOf(array.slice(at))])).toEqual(whole)
  })

  test('that came as an array where a plain answer was due is one answer', () => {
    expect(gemini.readResult(bytesOf(array)).candidates).toEqual(
      foldEvents(readStream(gemini, [bytesOf(array)])).candidates,
    )
  })

  test('ends in an error where a bare one stands in it, and lets none of it through', () => {
    const text = `${framed(one)}{\n  "error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}\n}\n`
    const events = readStream(gemini, [bytesOf(text)])
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'upstream_overloaded' } })
    expect(passThrough(gemini, [bytesOf(text)])).toBe(framed(one))
  })

  test('in the array form, too', () => {
    const events = readStream(gemini, [
      bytesOf(`[${JSON.stringify(one)},{"error":{"code":500,"message":"Internal"}}]`),
    ])
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'upstream_error' } })
  })

  test('goes to a client of the array form as elements with their JSON as it came', () => {
    const odd = '{"candidates":[{"content":{"parts":[{"text":"a"}]},"x":1.0,"finishReason":"STOP"}]}'
    const passthrough = gemini.createPassthrough({ hidesUsage: false, streamForm: 'json-array' })
    const out = [
      passthrough.read(bytesOf(`data: ${odd}\r\n\r\n: note\r\n\r\ndata: ${odd}\r\n\r\n`)),
      passthrough.end(),
    ]
    expect(Buffer.concat(out).toString()).toBe(`[${odd},\r\n${odd}\n]`)
  })

  test('that breaks off has no end in the array form', () => {
    const passthrough = gemini.createPassthrough({ hidesUsage: false, streamForm: 'json-array' })
    const out = [passthrough.read(bytesOf(framed(one))), passthrough.end()]
    expect(Buffer.concat(out).toString()).toBe(`[${JSON.stringify(one)}`)
  })

  test('tells every signature that passes', () => {
    const seen: string[] = []
    const passthrough = gemini.createPassthrough({ hidesUsage: false, onState: (it) => seen.push(it) })
    passthrough.read(
      bytesOf(
        framed(
          saying([
            { text: '', thoughtSignature: 'YQ==' },
            { executableCode: {}, thoughtSignature: 'Yg==' },
          ]),
        ),
      ),
    )
    expect(seen).toEqual(['YQ==', 'Yg=='])
  })

  test('folded keeps what nobody knows, the last usage, and signatures where they stood', () => {
    const folder = gemini.createFolder()
    const chunks = [
      { ...saying([{ text: 'I ', thought: true }]), usageMetadata: { promptTokenCount: 1 }, turnToken: 't' },
      saying([{ text: 'think.', thought: true, thoughtSignature: 'dA==' }]),
      saying([{ text: 'So' }], { safetyRatings: [] }),
      saying([{ text: ' be it.' }, { functionCall: { name: 'f', args: {} }, thoughtSignature: 'Yw==' }]),
      { ...saying([{ text: '', thoughtSignature: 'ZA==' }], done), usageMetadata: { promptTokenCount: 2 } },
    ]
    folder.read(bytesOf(framed(...chunks)))
    folder.end()
    expect(JSON.parse(Buffer.from(folder.result()).toString())).toEqual({
      responseId: 'r1',
      turnToken: 't',
      usageMetadata: { promptTokenCount: 2 },
      candidates: [
        {
          index: 0,
          finishReason: 'STOP',
          safetyRatings: [],
          content: {
            role: 'model',
            parts: [
              { text: 'I think.', thought: true, thoughtSignature: 'dA==' },
              { text: 'So be it.' },
              { functionCall: { name: 'f', args: {} }, thoughtSignature: 'Yw==' },
              { text: '', thoughtSignature: 'ZA==' },
            ],
          },
        },
      ],
    })
  })
})

describe('a count of tokens', () => {
  test('is read and said', () => {
    expect(gemini.readTokenCount?.(bytesOf({ totalTokens: 7 }))).toBe(7)
    expect(gemini.readTokenCount?.(bytesOf({}))).toBe(0)
    expect(gemini.writeTokenCount?.(7)).toBe('{"totalTokens":7}')
    expect(() => gemini.readTokenCount?.(bytesOf({ totalTokens: 'many' }))).toThrow(
      expect.objectContaining({ code: 'upstream_bad_response' }) as Error,
    )
  })
})

const options = { responseId: 'own', modelId: 'own-model', createdAtS: 1, wantsUsage: true }
