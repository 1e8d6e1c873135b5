/** Vercel's AI SDK as a client: its three providers that speak our dialects, over providers of both dialects. */

import {
  APICallError,
  generateText,
  jsonSchema,
  type LanguageModel,
  Output,
  stepCountIs,
  streamText,
  tool,
} from 'ai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  AI_PROVIDERS,
  aiModel,
  openStage,
  PIXEL_PNG,
  rejectionOf,
  type Stage,
  UPSTREAMS,
} from '../support/clients.ts'

// Its warnings about models it does not know are none of ours.
globalThis.AI_SDK_LOG_WARNINGS = false

let stage: Stage
beforeAll(async () => {
  stage = await openStage({
    scenario: {
      pace: { tokensPerChunk: 1, perTokenMs: 1 },
      answers: [{ contains: 'unicode', text: 'ünïcödé 😀 "quotes"\nand lines' }],
      faults: [
        { fault: 'unsupported-parameter(parameter=temperature)', model: 'bad*' },
        { fault: 'rate-limit(after=7)', model: 'limited*' },
        { fault: 'overloaded', model: 'overloaded*' },
        ...AI_PROVIDERS.map((kind) => ({
          fault: 'rate-limit(after=none,ms=40)',
          model: `recovers-${kind}`,
          calls: [1, 3],
        })),
        { fault: 'error-after-content(token=6,error=overloaded)', model: 'breaks*' },
        { fault: 'stall(token=3,ms=0)', model: 'stalls*' },
      ],
    },
    config: {
      routes: Object.fromEntries(
        UPSTREAMS.flatMap((upstream) =>
          AI_PROVIDERS.flatMap((kind) =>
            ['bad', 'limited', 'overloaded', 'recovers', 'breaks'].map((fault) => [
              `${upstream}-${fault}-${kind}`,
              { targets: [`${upstream}/${fault}-${kind}`], retries: 0 },
            ]),
          ),
        ),
      ),
    },
  })
})
afterAll(() => stage[Symbol.asyncDispose]())

interface City {
  readonly city: string
}

const citySchema = jsonSchema<City>({
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
})

function toolsOf(seen: unknown[]) {
  const run = (name: string) =>
    tool({
      description: `Tells the ${name} of a city.`,
      inputSchema: citySchema,
      execute: (input: City) => {
        seen.push([name, input])
        return `the ${name} of ${input.city} is known`
      },
    })
  return { weather: run('weather'), time: run('time') }
}

/** One try only: what is not about retries must not retry. */
const once = { maxRetries: 0 } as const

const rows = AI_PROVIDERS.flatMap((kind) => UPSTREAMS.map((upstream) => ({ kind, upstream })))

describe.each(rows)('ai with $kind over a provider that speaks $upstream', ({ kind, upstream }) => {
  const model = (name = 'mock'): LanguageModel => aiModel(stage, kind, `${upstream}/${name}`)
  const faulty = (fault: string): LanguageModel => aiModel(stage, kind, `${upstream}-${fault}-${kind}`)

  test('generates text, and counts it', async () => {
    const result = await generateText({ model: model(), prompt: 'hello', ...once })
    expect(result.text).toContain('You said: hello')
    expect(result.finishReason).toBe('stop')
    expect(result.usage.inputTokens).toBeGreaterThan(0)
    expect(result.usage.outputTokens).toBeGreaterThan(0)
  })

  test('streams text, and counts it the same', async () => {
    const plain = await generateText({ model: model(), prompt: 'hello', ...once })
    const result = streamText({ model: model(), prompt: 'hello', ...once })
    let pieces = 0
    for await (const _ of result.textStream) pieces += 1
    expect(pieces).toBeGreaterThan(2)
    expect(await result.text).toBe(plain.text)
    expect(await result.finishReason).toBe('stop')
    const usage = await result.usage
    expect(usage.inputTokens).toBe(plain.usage.inputTokens)
    expect(usage.outputTokens).toBe(plain.usage.outputTokens)
  })

  test('keeps every character', async () => {
    const result = streamText({ model: model(), prompt: 'unicode please', ...once })
    expect(await result.text).toBe('ünïcödé 😀 "quotes"\nand lines')
  })

  test.each([false, true])('runs a loop of tools to its end, stream: %s', async (isStream) => {
    const seen: unknown[] = []
    const options = {
      model: model('tools'),
      prompt: 'the weather?',
      tools: toolsOf(seen),
      stopWhen: stepCountIs(4),
      ...once,
    }
    const text = isStream ? await streamText(options).text : (await generateText(options)).text
    expect(seen).toEqual([['weather', { city: expect.any(String) }]])
    expect(text).toMatch(/The tool returned: .*the weather of .* is known/)
  })

  test.each([false, true])('runs parallel tools, each with its own result, stream: %s', async (isStream) => {
    const seen: unknown[] = []
    const options = {
      model: model('parallel-tools'),
      prompt: 'both!',
      tools: toolsOf(seen),
      stopWhen: stepCountIs(4),
      ...once,
    }
    const steps = isStream ? await streamText(options).steps : (await generateText(options)).steps
    expect(steps[0]?.finishReason).toBe('tool-calls')
    expect(steps[0]?.toolCalls.map(({ toolName }) => toolName)).toEqual(['weather', 'time'])
    expect(new Set(steps[0]?.toolCalls.map(({ toolCallId }) => toolCallId)).size).toBe(2)
    expect(seen).toHaveLength(2)
    expect(steps).toHaveLength(2)
    expect(steps[1]?.finishReason).toBe('stop')
    expect(JSON.stringify(stage.lastBody()['messages'])).toMatch(/the weather of .* is known.*the time of/)
  })

  test('generates an object that its schema accepts', async () => {
    const result = await generateText({
      model: model(),
      prompt: 'a city',
      output: Output.object({ schema: citySchema }),
      ...once,
    })
    expect(result.output).toEqual({ city: expect.any(String) })
  })

  test('sends images', async () => {
    await generateText({
      model: model(),
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'what is this?' },
            { type: 'file', mediaType: 'image/png', data: PIXEL_PNG },
          ],
        },
      ],
      ...once,
    })
    expect(JSON.stringify(stage.lastBody()['messages'])).toContain(PIXEL_PNG)
  })

  test('shows reasoning apart from the answer', async () => {
    const result = streamText({
      model: model('reasoner'),
      prompt: 'think',
      providerOptions: { anthropic: { thinking: { type: 'enabled', budgetTokens: 1_024 } } },
      ...once,
    })
    expect(await result.text).not.toContain('Simulated reasoning')
    // The provider for OpenAI itself knows no reasoning in this dialect.
    if (kind !== 'openai') expect(await result.reasoningText).toContain('Simulated reasoning')
  })

  test('learns that the answer was cut at its ceiling', async () => {
    const result = await generateText({ model: model(), prompt: 'hello', maxOutputTokens: 3, ...once })
    expect(result.finishReason).toBe('length')
  })

  test.each([
    { fault: 'bad', status: 400, isRetryable: false, words: "'temperature' is not supported" },
    { fault: 'limited', status: 429, isRetryable: true, words: 'Rate limit reached' },
    { fault: 'overloaded', status: 503, isRetryable: true, words: 'Overloaded' },
  ])(
    'raises APICallError with the words of the provider: $fault',
    async ({ fault, status, isRetryable, words }) => {
      const error = await rejectionOf(generateText({ model: faulty(fault), prompt: 'hello', ...once }))
      if (!APICallError.isInstance(error)) throw new Error('this is no error of the SDK', { cause: error })
      expect(error.statusCode).toBe(status)
      expect(error.isRetryable).toBe(isRetryable)
      expect(error.message).toContain(words)
    },
  )

  test('gets there by its own retries', async () => {
    const { text } = await generateText({ model: faulty('recovers'), prompt: 'hello', maxRetries: 3 })
    expect(text).toContain('simulated answer')
  })

  test('reports an error in the middle of a stream after the text before it', async () => {
    const errors: unknown[] = []
    const result = streamText({
      model: faulty('breaks'),
      prompt: 'hello',
      onError: ({ error }) => void errors.push(error),
      ...once,
    })
    let text = ''
    for await (const piece of result.textStream) text += piece
    expect(text).not.toBe('')
    expect(errors).toHaveLength(1)
    expect(JSON.stringify(errors[0]) + String(errors[0])).toContain('Overloaded')
  })

  test('aborts, and the provider learns of it', async () => {
    const controller = new AbortController()
    const result = streamText({
      model: model('stalls'),
      prompt: 'hello',
      abortSignal: controller.signal,
      onError: () => undefined,
      ...once,
    })
    for await (const _ of result.textStream) controller.abort()
    const call = stage.lastCall()
    await call.settled
    expect(call.state).toBe('peer-left')
  })
})
