/** The simulator as a whole: the same seed says the same, requests may ask for faults, and strange requests harm nothing. */

import { describe, expect, test } from 'vitest'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { chat } from './raw-client.test-support.ts'
import type { ScenarioInput } from './scenario.ts'
import { createScenario } from './scenario.ts'
import { Simulator } from './simulator.ts'

interface Asked {
  readonly path?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

function createSimulator(input: ScenarioInput = {}, allowsRequestFaults = true): Simulator {
  return new Simulator({ scenario: createScenario(input), clock: new ManualClock(), allowsRequestFaults })
}

/** The status and the bytes of the body of each answer. */
function answers(simulator: Simulator, asked: readonly Asked[]): readonly { status: number; body: string }[] {
  return asked.map(({ path = '/v1/chat/completions', body = chat(), headers = {} }, index) => {
    const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(JSON.stringify(body))
    const head = { method: 'POST', path, headers }
    const { conduct } = simulator.respond({ head, body: bytes, number: index + 1, earlierOnConnection: 0 })
    const steps = [...conduct.steps]
    const status = steps.flatMap((step) => (step.type === 'head' ? [step.status] : []))[0] ?? 0
    const body_ = Buffer.concat(steps.flatMap((step) => (step.type === 'write' ? [step.bytes] : [])))
    return { status, body: body_.toString() }
  })
}

function one(simulator: Simulator, asked: Asked) {
  const [answer = { status: 0, body: '' }] = answers(simulator, [asked])
  return answer
}

describe('a seed', () => {
  const asked: readonly Asked[] = ['mock', 'lorem', 'tools', 'reasoner'].flatMap((model) =>
    ['/v1/chat/completions', '/v1/messages'].map((path) => ({ path, body: chat({ model, stream: true }) })),
  )

  test('says the same words and ids on every run', () => {
    expect(answers(createSimulator({ seed: 7 }), asked)).toEqual(answers(createSimulator({ seed: 7 }), asked))
  })

  test('says other words than another seed', () => {
    const lorem = { body: chat({ model: 'lorem' }) }
    expect(one(createSimulator({ seed: 7 }), lorem).body).not.toBe(
      one(createSimulator({ seed: 8 }), lorem).body,
    )
  })

  test('gives every call ids of its own', () => {
    const [first, second] = answers(createSimulator(), [{}, {}])
    expect(JSON.parse(first?.body ?? '').id).not.toBe(JSON.parse(second?.body ?? '').id)
  })
})

describe('a request', () => {
  test('asks for a fault by header or after its model', () => {
    const simulator = createSimulator()
    expect(one(simulator, { headers: { 'x-simulate': 'status-503' } }).status).toBe(503)
    expect(one(simulator, { body: chat({ model: 'mock!status(status=418)' }) }).status).toBe(418)
    expect(one(simulator, { body: chat({ model: 'simulator/mock!overloaded' }) }).status).toBe(529)
  })

  test('that asks for no known fault, or for one that does not fit, is told so', () => {
    const simulator = createSimulator()
    const unknown = one(simulator, { body: chat({ model: 'mock!cut-steam' }) })
    expect(unknown.status).toBe(400)
    expect(unknown.body).toContain('did you mean cut-stream?')
    expect(one(simulator, { body: chat({ model: 'mock!cut-stream' }) }).body).toContain(
      'befalls streams only',
    )
    expect(one(simulator, { body: chat({ model: 'mock!stall(token=many)', stream: true }) }).body).toContain(
      'token must be a number',
    )
  })

  test('cannot ask for faults where that is not allowed', () => {
    const simulator = createSimulator({}, false)
    expect(
      one(simulator, { headers: { 'x-simulate': 'status-503' }, body: chat({ model: 'mock!status-503' }) })
        .status,
    ).toBe(200)
  })

  test.each([
    ['no JSON', 'hello'],
    ['an array', '[]'],
    ['null', 'null'],
    ['nothing', ''],
  ])('that is %s is refused', (_, body) => {
    expect(one(createSimulator(), { body }).status).toBe(400)
  })

  test.each([
    ['content that is no content', chat({ messages: [{ role: 'user', content: 7 }, null, 'x'] })],
    ['tools that are no tools', chat({ model: 'tools', tools: [null, 1, { function: {} }, {}] })],
    ['a huge n', chat({ n: 1e9, max_tokens: 1 })],
    ['a negative ceiling', chat({ max_tokens: -5 })],
    [
      'names every object has',
      chat({ model: '__proto__', tools: [{ function: { name: 'constructor' } }], tool_choice: 'required' }),
    ],
    ['a stop sequence that is empty', chat({ stop: '' })],
  ])('with %s is answered all the same', (_, body) => {
    for (const path of ['/v1/chat/completions', '/v1/messages']) {
      expect(one(createSimulator(), { path, body }).status).toBe(200)
    }
  })

  test('cannot make an answer larger than the simulator allows, nor a header of its own', () => {
    const many = one(createSimulator(), { body: chat({ model: 'lorem', n: 1e9, max_tokens: 1e9 }) })
    expect(many.body.length).toBeLessThan(32_768 * 4 + 128 * 300)
    const echo = one(createSimulator(), {
      body: chat({ model: 'echo', max_tokens: 1e9, messages: [{ role: 'user', content: 'x'.repeat(1e6) }] }),
    })
    expect(echo.body.length).toBeLessThan(32_768 * 4 + 1000)
    const split = one(createSimulator(), { body: chat({ model: 'mock!rate-limit(after=1\r\nx-evil: 1)' }) })
    expect(split.status).toBe(400)
  })

  test('nested very deep is answered without exhausting the stack', () => {
    const deep = `{"model":"mock","max_tokens":9,"messages":[{"role":"user","content":"hello"}],"tools":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    for (const path of ['/v1/chat/completions', '/v1/messages']) {
      expect(one(createSimulator(), { path, body: deep }).status).toBe(200)
    }
  })
  test('nested very deep is answered by everything the simulator has', () => {
    const deep = '['.repeat(20_000) + ']'.repeat(20_000)
    const names =
      `messages input contents tools text reasoning metadata generationConfig toolConfig response_format
      format system prompt query documents n dimensions content requests thinking input_file_id stop options think
      voice size additionalModelRequestFields outputConfig tool_choice`.split(/\s+/)
    const paths =
      `/v1/responses /v1beta/models/m:generateContent /v1beta/models/m:countTokens /model/m/converse
      /model/m/converse-stream /v2/chat /api/chat /v1/completions /v1/embeddings /v1/moderations /v1/rerank
      /v1beta/models/m:batchEmbedContents /v1beta/models/m:embedContent /v1/images/generations /v1/audio/speech
      /v1/batches /v1/messages/batches /v1/files /v1/audio/transcriptions`.split(/\s+/)
    const simulator = createSimulator()
    for (const path of paths) {
      for (const name of names) {
        const body = `{"model":"mock","input":"x","prompt":"x","messages":[{"role":"user","content":"x"}],"${name}":${deep}}`
        expect([200, 400]).toContain(one(simulator, { path, body }).status)
      }
    }
  })
})
