import { describe, expect, test } from 'vitest'
import type { Message, Part } from '../../canonical/message.ts'
import type { InferenceRequest } from '../../canonical/request.ts'
import type { JsonObject } from '../../std/json.ts'
import { MAX_TOKENS_DEFAULT } from './write-reasoning.ts'
import { writeRequest } from './write-request.ts'

const hello: Message = { role: 'user', parts: [{ type: 'text', text: 'hi' }] }

function write(request: Partial<InferenceRequest>, modelId = 'claude-sonnet-4-5') {
  const { fields, losses } = writeRequest(
    { modelId: 'm', messages: [hello], stream: false, wantsStreamUsage: false, ...request },
    { modelId, stream: false },
  )
  return { fields, losses: losses.map(({ field }) => field) }
}

test('says the least there can be, with the ceiling Anthropic requires', () => {
  expect(write({})).toEqual({
    fields: {
      model: 'claude-sonnet-4-5',
      max_tokens: MAX_TOKENS_DEFAULT,
      messages: [{ role: 'user', content: 'hi' }],
    },
    losses: [],
  })
})

test('asks for a stream when told to', () => {
  const request = { modelId: 'm', messages: [hello], stream: false, wantsStreamUsage: false }
  expect(writeRequest(request, { modelId: 'x', stream: true }).fields['stream']).toBe(true)
})

describe('tools', () => {
  const tool = { kind: 'function', name: 'f' } as const

  test('always have an object schema', () => {
    const { fields } = write({ tools: [tool, { ...tool, parameters: { properties: {} }, isStrict: true }] })
    expect(fields['tools']).toEqual([
      { name: 'f', input_schema: { type: 'object', properties: {} } },
      { name: 'f', input_schema: { type: 'object', properties: {} }, strict: true },
    ])
  })

  test('are chosen in Anthropic’s words', () => {
    const choose = (request: Partial<InferenceRequest>) =>
      write({ tools: [tool], ...request }).fields['tool_choice']
    expect(choose({ toolChoice: { type: 'required' } })).toEqual({ type: 'any' })
    expect(choose({ toolChoice: { type: 'tool', name: 'f' }, allowsParallelToolCalls: false })).toEqual({
      type: 'tool',
      name: 'f',
      disable_parallel_tool_use: true,
    })
    expect(choose({ toolChoice: { type: 'none' }, allowsParallelToolCalls: false })).toEqual({ type: 'none' })
    expect(choose({ allowsParallelToolCalls: false })).toEqual({
      type: 'auto',
      disable_parallel_tool_use: true,
    })
    expect(choose({ allowsParallelToolCalls: true })).toBeUndefined()
  })

  test('are not chosen among where there are none', () => {
    expect(write({ toolChoice: { type: 'auto' } }).fields).not.toHaveProperty('tool_choice')
  })

  test('of another dialect are a loss', () => {
    const foreign = { kind: 'opaque', dialect: 'openai-chat', value: { type: 'custom' } } as const
    expect(write({ tools: [foreign] })).toMatchObject({ losses: ['tools.custom'] })
  })
})

describe('reasoning', () => {
  const effort = (word: string) => ({ reasoning: { effort: word } })
  const reasoningOf = ({ fields }: { fields: JsonObject }) => [
    fields['thinking'],
    fields['output_config'],
    fields['max_tokens'],
  ]

  test('is a budget for models up to 4.5 and adaptive after', () => {
    expect(reasoningOf(write(effort('low'), 'claude-sonnet-4-5-20250929'))).toEqual([
      { type: 'enabled', budget_tokens: 2048 },
      undefined,
      2048 + MAX_TOKENS_DEFAULT,
    ])
    for (const model of ['claude-opus-4-6', 'claude-sonnet-5', 'anthropic/claude-opus-4.7']) {
      expect(reasoningOf(write(effort('minimal'), model))).toEqual([
        { type: 'adaptive' },
        { effort: 'low' },
        MAX_TOKENS_DEFAULT,
      ])
    }
  })

  test('is a loss for models that do not think', () => {
    expect(write(effort('low'), 'claude-3-5-haiku-20241022')).toMatchObject({ losses: ['reasoning'] })
  })

  test('fits its budget below the ceiling of the client', () => {
    expect(reasoningOf(write({ ...effort('high'), maxOutputTokens: 4000 }))).toEqual([
      { type: 'enabled', budget_tokens: 2000 },
      undefined,
      4000,
    ])
    const own = { reasoning: { mode: 'on', budgetTokens: 5000 }, maxOutputTokens: 4000 } as const
    expect(write(own)).toMatchObject({
      fields: { thinking: { type: 'enabled', budget_tokens: 3999 } },
      losses: ['thinking.budget_tokens'],
    })
    expect(write({ ...effort('high'), maxOutputTokens: 1024 })).toMatchObject({ losses: ['reasoning'] })
  })

  test("as an effort in this dialect's own words steers the answer only", () => {
    const own = { vendor: { dialect: 'anthropic-messages', fields: {} } }
    expect(reasoningOf(write({ ...effort('xhigh'), ...own }, 'claude-opus-4-7'))).toEqual([
      undefined,
      { effort: 'xhigh' },
      MAX_TOKENS_DEFAULT,
    ])
  })

  test('can be switched off', () => {
    expect(write({ reasoning: { mode: 'off' } }).fields['thinking']).toEqual({ type: 'disabled' })
    expect(write(effort('none')).fields['thinking']).toEqual({ type: 'disabled' })
    expect(write(effort('none'), 'claude-3-haiku-20240307').fields).not.toHaveProperty('thinking')
  })

  test('gives way to a forced tool', () => {
    const forced = { tools: [{ kind: 'function', name: 'f' }], toolChoice: { type: 'required' } } as const
    const { fields, losses } = write({ ...effort('low'), ...forced })
    expect(losses).toEqual(['reasoning'])
    expect(fields).not.toHaveProperty('thinking')
  })

  test('with a budget gives way to a tool call that was not thought by Claude', () => {
    const call: Part = { type: 'tool-call', id: 'a', name: 'f', arguments: '{}' }
    const rest: Message[] = [{ role: 'tool', parts: [{ type: 'tool-result', toolCallId: 'a', parts: [] }] }]
    const unsigned: Message[] = [hello, { role: 'assistant', parts: [call] }, ...rest]
    expect(write({ ...effort('low'), messages: unsigned }).losses).toEqual(['reasoning'])
    const reminded: Message[] = [...unsigned, { role: 'system', parts: [{ type: 'text', text: 'note' }] }]
    expect(write({ ...effort('low'), messages: reminded }).losses).toEqual(['reasoning'])
    const thought: Part = { type: 'reasoning', text: 't', signature: 's' }
    const signed: Message[] = [hello, { role: 'assistant', parts: [thought, call] }, ...rest]
    expect(write({ ...effort('low'), messages: signed }).losses).toEqual([])
    expect(write({ ...effort('low'), messages: unsigned }, 'claude-opus-4-6').losses).toEqual([])
  })

  test('leaves no room for sampling', () => {
    const sampling = { temperature: 0.5, topP: 0.9, topK: 4 }
    expect(write({ ...effort('low'), ...sampling }).losses).toEqual(['temperature', 'top_p', 'top_k'])
    expect(write({ ...effort('low'), temperature: 1 }).losses).toEqual([])
  })

  test("of the model's own choosing stays beside a forced tool", () => {
    const forced = {
      toolChoice: { type: 'required' } as const,
      tools: [{ kind: 'function', name: 'f' }] as const,
    }
    expect(write({ ...forced, reasoning: { mode: 'adaptive' } }, 'claude-opus-4-6').losses).toEqual([])
    expect(write({ ...forced, ...effort('low') }).losses).toEqual(['reasoning'])
  })

  test('leaves room for a top_p of nearly everything', () => {
    expect(write({ ...effort('low'), topP: 0.95 })).toMatchObject({ fields: { top_p: 0.95 }, losses: [] })
  })
})

describe('sampling', () => {
  test('is clamped to the range of Anthropic', () => {
    expect(write({ temperature: 1.7 })).toMatchObject({ fields: { temperature: 1 }, losses: ['temperature'] })
    expect(write({ temperature: 0 }).fields['temperature']).toBe(0)
  })

  test('keeps temperature where a model takes only one of temperature and top_p', () => {
    expect(write({ temperature: 0.5, topP: 0.9 })).toMatchObject({ losses: ['top_p'] })
    expect(write({ temperature: 0.5, topP: 0.9 }, 'claude-3-7-sonnet-latest')).toMatchObject({
      fields: { temperature: 0.5, top_p: 0.9 },
      losses: [],
    })
  })

  test('is left out for models that refuse it', () => {
    const { fields, losses } = write({ temperature: 0.2, topK: 4 }, 'claude-opus-4-8')
    expect(losses).toEqual(['temperature', 'top_k'])
    expect(fields).not.toHaveProperty('temperature')
  })
})

test('says a schema as output_config.format, and loses JSON mode without one', () => {
  const schema = { type: 'object', additionalProperties: false }
  expect(write({ output: { type: 'json-schema', schema, name: 'n', isStrict: true } })).toMatchObject({
    fields: { output_config: { format: { type: 'json_schema', schema } } },
    losses: [],
  })
  expect(write({ output: { type: 'json-object' } }).losses).toEqual(['response_format'])
  expect(write({ output: { type: 'text' } }).losses).toEqual([])
})

test('says user, stops and service tier', () => {
  expect(write({ userId: 'u', stopSequences: ['END', ' '], serviceTier: 'default' })).toMatchObject({
    fields: { metadata: { user_id: 'u' }, stop_sequences: ['END'], service_tier: 'standard_only' },
    losses: ['stop'],
  })
  expect(write({ userId: 'u'.repeat(600), serviceTier: 'flex' }).losses).toEqual(['user', 'service_tier'])
})

test('loses by name every parameter Anthropic does not have', () => {
  const { losses } = write({
    candidateCount: 2,
    logprobs: { top: 2 },
    frequencyPenalty: 1,
    presencePenalty: 1,
    seed: 0,
    modalities: ['text', 'audio'],
    audio: { voice: 'x' },
    metadata: { a: 'b' },
    promptCacheKey: 'k',
    vendor: { dialect: 'openai-chat', fields: { logit_bias: { 7: 1 } } },
  })
  expect(losses).toEqual([
    'n',
    'logprobs',
    'frequency_penalty',
    'presence_penalty',
    'seed',
    'modalities',
    'audio',
    'metadata',
    'prompt_cache_key',
    'logit_bias',
  ])
  expect(
    write({ candidateCount: 1, frequencyPenalty: 0, presencePenalty: 0, modalities: ['text'] }).losses,
  ).toEqual([])
  expect(
    write({ vendor: { dialect: 'openai-chat', fields: { store: false, logit_bias: null } } }).losses,
  ).toEqual([])
  expect(write({ vendor: { dialect: 'openai-chat', fields: { store: true } } }).losses).toEqual(['store'])
})
