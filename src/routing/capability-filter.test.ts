import { describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { openaiChat } from '../dialects/openai-chat/index.ts'
import type { ModelFacts } from '../providers/model-facts.ts'
import { openai } from '../providers/openai.ts'
import type { Target } from '../providers/provider.ts'
import { createTarget } from '../providers/target.ts'
import { filterByNeeds } from './capability-filter.ts'
import { createRequestNeeds } from './request-needs.ts'

const facts: Readonly<Record<string, ModelFacts>> = {
  able: {
    contextTokens: 1_000,
    inputs: ['text', 'image', 'audio', 'pdf'],
    outputs: ['text', 'audio'],
    callsTools: true,
    keepsToSchemas: true,
  },
  bare: { contextTokens: 100, inputs: ['text'], outputs: ['text'], callsTools: false, keepsToSchemas: false },
  looking: { inputs: ['text', 'image'], outputs: ['text'], callsTools: false },
}

const target = (modelId: string): Target => createTarget(openai, modelId)

function filter(models: readonly string[], request: Readonly<Record<string, unknown>>) {
  const body = Buffer.from(
    JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...request }),
  )
  const decode = vi.fn(() => openaiChat.readRequest(body))
  const needs = createRequestNeeds({ envelope: openaiChat.peek(body, 'chat'), body, decode })
  const found = filterByNeeds(models.map(target), { needs, factsOf: ({ modelId }) => facts[modelId] })
  return {
    left: found.targets.map(({ modelId }) => modelId),
    skipped: found.skipped.map(({ targetId, lacks }) => [targetId, ...lacks]),
    decode,
  }
}

const saying = (...content: readonly unknown[]) => ({ messages: [{ role: 'user', content }] })
const tools = { tools: [{ type: 'function', function: { name: 'f' } }] }
const image = { type: 'image_url', image_url: { url: 'https://x/a.png' } }
const sound = { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } }
const document = { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' } }

describe('fault 89: a target that lacks what the request needs', () => {
  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['tools', tools, 'tools'],
    ['images', saying(image), 'vision'],
    ['sound', saying(sound), 'audio'],
    ['documents', saying(document), 'documents'],
    [
      'a schema',
      { response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } } },
      'json-schema',
    ],
    ['spoken answers', { modalities: ['text', 'audio'], audio: { voice: 'a', format: 'wav' } }, 'speech'],
  ])('is skipped and named: %s', (_name, request, lack) => {
    const { left, skipped } = filter(['bare', 'able', 'unknown'], request)
    expect(left).toEqual(['able', 'unknown'])
    expect(skipped).toEqual([['openai/bare', lack]])
  })

  test('is kept where nothing is known of its model, and where it is the only one', () => {
    expect(filter(['unknown', 'bare'], tools).left).toEqual(['unknown'])
    const alone = filter(['bare'], tools)
    expect(alone.left).toEqual(['bare'])
    expect(alone.decode).not.toHaveBeenCalled()
  })

  test('may read documents where it can look at pages', () => {
    expect(filter(['looking', 'able'], saying(document)).left).toEqual(['looking', 'able'])
  })

  test('leaves a refusal that says which target lacks what, where none is left', () => {
    const refused = () => filter(['bare', 'looking'], { ...saying(image), ...tools })
    expect(refused).toThrow(GatewayError)
    expect(refused).toThrow(/openai\/bare \(tools, images\)|openai\/bare \(images, tools\)/)
    expect(refused).toThrow(/openai\/looking \(tools\)/)
    try {
      refused()
    } catch (error) {
      expect(error).toMatchObject({ code: 'capability_missing', status: 400 })
    }
  })

  test('costs no decoding where the bytes speak of nothing that anybody lacks', () => {
    const { left, decode } = filter(['bare', 'able'], { temperature: 1 })
    expect(left).toEqual(['bare', 'able'])
    expect(decode).not.toHaveBeenCalled()
    expect(filter(['able', 'unknown'], tools).decode).not.toHaveBeenCalled()
  })
})

describe('a request that is certainly too long', () => {
  test('skips the smaller window where a larger one is left', () => {
    const { left, skipped } = filter(['bare', 'able'], saying({ type: 'text', text: 'x'.repeat(900) }))
    expect(left).toEqual(['able'])
    expect(skipped).toEqual([['openai/bare', 'context-window']])
  })

  test('is left to the providers where no window is large enough, and where it may fit', () => {
    expect(filter(['bare', 'able'], saying({ type: 'text', text: 'x'.repeat(9_000) })).left).toEqual([
      'bare',
      'able',
    ])
    expect(filter(['bare', 'able'], saying({ type: 'text', text: 'x'.repeat(700) })).left).toEqual([
      'bare',
      'able',
    ])
  })
})

test('a request that cannot be read is left to those who say why', () => {
  const body = Buffer.from('{"model":"m","messages":[{"role":"nobody"}],"tools":[]}')
  const needs = createRequestNeeds({
    envelope: openaiChat.peek(body, 'chat'),
    body,
    decode: () => openaiChat.readRequest(body),
  })
  const targets = [target('bare'), target('able')]
  expect(filterByNeeds(targets, { needs, factsOf: ({ modelId }) => facts[modelId] }).targets).toBe(targets)
})
