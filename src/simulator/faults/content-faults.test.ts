/** Faults of content, seen by a client that reads raw bytes, in both dialects and both forms. */

import { describe, expect, test } from 'vitest'
import { jsonsOf, spokenText } from '../dialect-asking.test-support.ts'
import { eventsOf, textOfStream } from '../raw-client.test-support.ts'
import { SIMULATED_DIALECTS } from '../request.ts'
import { OPENAI, ANTHROPIC, DIALECTS, json, events, createFaultBench } from './fault-bench.test-support.ts'

const bench = createFaultBench()

describe('faults of content', () => {
  const kinds = {
    'duplicate-keys': /^\{("[^"]+"):"first",\1:/,
    'proto-key': /^\{"__proto__":\{"polluted":true\}/,
    'not-a-number': /"score":NaN/,
    'lone-surrogate': /"\\ud83d /,
    'null-character': /"\\u0000/,
    'unknown-fields': /"future":\{/,
  }

  test.each(Object.entries(kinds))(
    'strange-json (%s) stands in plain answers and streams of both dialects',
    async (kind, pattern) => {
      for (const path of DIALECTS) {
        expect((await bench.struck(`strange-json(kind=${kind})`, { path })).body.toString()).toMatch(pattern)
        const answer = await bench.streamed(`strange-json(kind=${kind})`, { path })
        expect(eventsOf(answer.body).filter((data) => pattern.test(data))).toHaveLength(1)
      }
    },
  )

  test('deep-json nests ten thousand levels', async () => {
    expect((await bench.struck('deep-json')).body.toString()).toContain('['.repeat(10_000))
  })

  test('ignores-ceiling goes on beyond what it was told, in text, thought or a call, and reports it', async () => {
    for (const kind of ['text', 'reasoning', 'tool-call']) {
      const { choices, usage } = json(await bench.struck(`ignores-ceiling(tokens=900,kind=${kind})`))
      expect(usage.completion_tokens).toBe(900)
      const said = JSON.stringify(choices[0].message)
      expect(said.length).toBeGreaterThan(900 * 4)
      expect(choices[0].finish_reason).toBe(kind === 'tool-call' ? 'tool_calls' : 'stop')
    }
  })

  test('wrong-model names another model, wherever the model is named', async () => {
    for (const path of DIALECTS) {
      expect(json(await bench.struck('wrong-model(model=other)', { path })).model).toBe('other')
      const [first] = events(await bench.streamed('wrong-model(model=other)', { path }))
      expect((first.message ?? first).model).toBe('other')
    }
  })

  test('choices are empty, null, missing, or hold nothing', async () => {
    const answers = async (path: string) => {
      const list = []
      for (const kind of ['empty', 'null', 'missing', 'message-null', 'content-null']) {
        const value = json(await bench.struck(`choices(kind=${kind})`, { path }))
        list.push('choices' in value ? value.choices : value.content)
      }
      return list
    }
    expect(await answers(OPENAI)).toMatchObject([
      [],
      null,
      undefined,
      [{ message: null }],
      [{ message: { content: null } }],
    ])
    expect(await answers(ANTHROPIC)).toMatchObject([
      [],
      null,
      undefined,
      [null],
      [{ type: 'text', text: null }],
    ])
  })

  test('empty-answer finishes by stop and says nothing', async () => {
    const openai = json(await bench.struck('empty-answer'))
    expect(openai).toMatchObject({
      choices: [{ message: { content: null }, finish_reason: 'stop' }],
      usage: { completion_tokens: 0 },
    })
    expect(json(await bench.struck('empty-answer', { path: ANTHROPIC }))).toMatchObject({
      content: [],
      stop_reason: 'end_turn',
    })
    expect(textOfStream((await bench.streamed('empty-answer')).body)).toBe('')
  })

  test('reasoning-only finishes by length without text', async () => {
    const answer = json(await bench.struck('reasoning-only'))
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'length',
      message: { content: null, reasoning_content: expect.any(String) },
    })
  })

  test('unknown-finish ends with a word nobody knows', async () => {
    expect(json(await bench.struck('unknown-finish')).choices[0].finish_reason).toBe('tired')
    expect(json(await bench.struck('unknown-finish', { path: ANTHROPIC })).stop_reason).toBe('tired')
    expect((await bench.streamed('unknown-finish')).text).toContain('"finish_reason":"tired"')
    expect((await bench.streamed('unknown-finish', { path: ANTHROPIC })).text).toContain(
      '"stop_reason":"tired"',
    )
  })

  test.each([
    ['missing', undefined],
    ['null', '"usage":null'],
    ['negative', /"(completion|output)_tokens":-5/],
    ['string', /"(completion|output)_tokens":"12"/],
    ['huge', /"(completion|output)_tokens":1e308/],
    ['overflow', /"(completion|output)_tokens":9223372036854775808/],
    ['fraction', /"(completion|output)_tokens":1\.5/],
    ['zero', /"(completion|output)_tokens":0/],
  ])('usage (%s) is wrong in plain answers and streams of both dialects', async (kind, pattern) => {
    for (const path of DIALECTS) {
      for (const stream of [false, true]) {
        const text = (await bench.struck(`usage(kind=${kind})`, { path, stream })).body.toString()
        if (pattern === undefined) expect(text).not.toContain('"usage":{')
        else expect(text).toMatch(pattern)
      }
    }
  })

  test('empty-stop says nothing although it counts tokens, in every dialect', async () => {
    for (const dialect of SIMULATED_DIALECTS) {
      const { body } = await bench.struckIn(dialect, 'empty-stop')
      expect(spokenText(dialect, [body.toString()])).toBe('')
      expect(body.toString()).toMatch(
        /"(?:eval_count|candidatesTokenCount|\w*output_?tokens|completion_tokens)":5/i,
      )
    }
  })

  test.each([
    ['wrong-shape', /an object that nobody asked for/],
    ['no-json', /where JSON was wanted/],
    ['cut', /^\{"simulated":tru$/],
  ])('schema-invalid (%s) in every dialect, whole and streamed', async (kind, pattern) => {
    for (const dialect of SIMULATED_DIALECTS) {
      const fault = `schema-invalid(kind=${kind})`
      const { body } = await bench.struckIn(dialect, fault)
      expect(spokenText(dialect, [body.toString()])).toMatch(pattern)
      const stream = await bench.struckIn(dialect, fault, { stream: true })
      expect(spokenText(dialect, jsonsOf(dialect, stream.body))).toMatch(pattern)
    }
  })

  test('unknown-finish, unknown fields and a wrong model stand in every dialect that has a place for them', async () => {
    for (const dialect of SIMULATED_DIALECTS) {
      for (const stream of [false, true]) {
        const finish = await bench.struckIn(dialect, 'unknown-finish', { stream })
        expect(finish.body.toString()).toMatch(/"(?:\w*_?reason|\w+Reason|status)":"tired"/)
        const fields = await bench.struckIn(dialect, 'strange-json(kind=unknown-fields)', { stream })
        expect(fields.body.toString()).toContain('"future":{')
        const model = await bench.struckIn(dialect, 'wrong-model(model=other)', { stream })
        const isNaming = dialect !== 'bedrock-converse' && dialect !== 'cohere-chat'
        expect(model.status).toBe(isNaming ? 200 : 400)
        if (isNaming) expect(model.body.toString()).toMatch(/"model(?:Version)?":"other"/)
      }
    }
  })

  test('usage is missing or impossible in every dialect', async () => {
    const counts = /"(?:eval_count|candidatesTokenCount|output_?tokens|completion_tokens)":/i
    for (const dialect of SIMULATED_DIALECTS) {
      for (const stream of [false, true]) {
        const fields = dialect === 'openai-chat' || dialect === 'openai-completions' ? WITH_USAGE : {}
        const options = { stream, ...(stream ? { fields } : {}) }
        const missing = await bench.struckIn(dialect, 'usage(kind=missing)', options)
        expect([dialect, counts.test(missing.body.toString())]).toEqual([dialect, false])
        const negative = await bench.struckIn(dialect, 'usage(kind=negative)', options)
        expect(negative.body.toString()).toMatch(/":-5/)
      }
    }
  })
})

const WITH_USAGE = { stream_options: { include_usage: true } }
