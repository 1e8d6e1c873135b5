/** How many tokens a request has: asked by every client that can ask, of every provider that can answer. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { TARGET_NAMES, TARGETS, type TargetName } from '../support/every-dialect.ts'
import { readJson } from '../support/raw-asking.ts'
import { openToldStage, type ToldStage } from '../support/told-provider.ts'

const COUNT = 4_321

let stage: ToldStage
beforeAll(async () => {
  const counted: Partial<Record<TargetName, object>> = {
    messages: { input_tokens: COUNT },
    responses: { object: 'response.input_tokens', input_tokens: COUNT },
    gemini: { totalTokens: COUNT },
    bedrock: { inputTokens: COUNT },
  }
  stage = await openToldStage(
    Object.fromEntries(
      TARGET_NAMES.map((name) => [
        name,
        { dialect: TARGETS[name].dialect, tell: () => ({ body: counted[name] ?? {} }) },
      ]),
    ),
  )
})
afterAll(() => stage[Symbol.asyncDispose]())

const SYSTEM = 'Be brief.'
const SCHEMA = { type: 'object', properties: { city: { type: 'string' } } }

const clients = {
  'anthropic-messages': {
    path: () => '/v1/messages/count_tokens',
    body: (model: string) => ({
      model,
      system: SYSTEM,
      messages: [{ role: 'user', content: 'Rain?' }],
      tools: [{ name: 'weather', input_schema: SCHEMA }],
    }),
    count: 'input_tokens',
  },
  'openai-responses': {
    path: () => '/v1/responses/input_tokens',
    body: (model: string) => ({
      model,
      instructions: SYSTEM,
      input: 'Rain?',
      tools: [{ type: 'function', name: 'weather', parameters: SCHEMA, strict: false }],
    }),
    count: 'input_tokens',
  },
  gemini: {
    path: (model: string) => `/v1beta/models/${encodeURIComponent(model)}:countTokens`,
    body: (model: string) => ({
      generateContentRequest: {
        model: `models/${model}`,
        systemInstruction: { parts: [{ text: SYSTEM }] },
        contents: [{ role: 'user', parts: [{ text: 'Rain?' }] }],
        tools: [{ functionDeclarations: [{ name: 'weather', parametersJsonSchema: SCHEMA }] }],
      },
    }),
    count: 'totalTokens',
  },
} as const

type Counter = keyof typeof clients

async function count(client: Counter, target: TargetName) {
  const { path, body } = clients[client]
  const model = `${target}/m`
  const before = stage.asked(target).length
  const response = await fetch(stage.url + path(model), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body(model)),
  })
  return {
    status: response.status,
    said: await readJson(response),
    asked: stage.asked(target)[before],
  }
}

const paths = {
  messages: '/v1/messages/count_tokens',
  responses: '/v1/responses/input_tokens',
  gemini: '/v1beta/models/m:countTokens',
  bedrock: '/model/m/count-tokens',
} as const

const pairs = (Object.keys(clients) as Counter[]).flatMap((client) =>
  (Object.keys(paths) as (keyof typeof paths)[]).map((target) => ({ client, target })),
)

test.each(pairs)('$client is told the count of $target', async ({ client, target }) => {
  const { status, said, asked } = await count(client, target)
  expect(status).toBe(200)
  expect(said[clients[client].count]).toBe(COUNT)
  expect(asked?.path).toBe(paths[target])
  // Instructions, words and tools are all counted; in Bedrock's words, inside base64.
  const text = target === 'bedrock' ? decoded(asked?.text ?? '') : (asked?.text ?? '')
  for (const part of [SYSTEM, 'Rain?', 'weather']) expect(text).toContain(part)
})

/** The request with everything in it that is base64 laid open. */
function decoded(text: string): string {
  return (
    text +
    text.replaceAll(/"([A-Za-z0-9+/=]{40,})"/g, (_, data: string) => Buffer.from(data, 'base64').toString())
  )
}

const without = (Object.keys(clients) as Counter[]).flatMap((client) =>
  (['chat', 'cohere', 'ollama'] as const).map((target) => ({ client, target })),
)

test.each(without)('$client is told that $target counts no tokens', async ({ client, target }) => {
  const { status, asked } = await count(client, target)
  expect(status).toBe(501)
  expect(asked).toBeUndefined()
})
