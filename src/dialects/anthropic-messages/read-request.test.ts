import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { JsonObject } from '../../std/json.ts'
import { readRequest } from './read-request.ts'
import { refuseThread } from './thread.ts'

const base = { model: 'claude-x', max_tokens: 5, messages: [{ role: 'user', content: 'hi' }] }

function read(fields: object) {
  return readRequest(Buffer.from(JSON.stringify({ ...base, ...fields })))
}

function messagesOf(...messages: object[]) {
  return read({ messages }).messages
}

test('reads the least there can be', () => {
  expect(read({})).toEqual({
    modelId: 'claude-x',
    stream: false,
    wantsStreamUsage: true,
    maxOutputTokens: 5,
    messages: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
    vendor: { dialect: 'anthropic-messages', fields: {} },
  })
})

test('reads system as a string and as blocks with cache hints', () => {
  expect(read({ system: 'be kind' }).messages[0]).toEqual({
    role: 'system',
    parts: [{ type: 'text', text: 'be kind' }],
  })
  const blocks = [
    { type: 'text', text: 'a', cache_control: { type: 'ephemeral', ttl: '1h' } },
    { type: 'text', text: 'b', cache_control: { type: 'ephemeral' } },
  ]
  expect(read({ system: blocks }).messages[0]?.parts).toEqual([
    { type: 'text', text: 'a', cacheHint: { ttl: '1h' } },
    { type: 'text', text: 'b', cacheHint: {} },
  ])
})

test("drops Claude Code's attribution block, which changes with every request", () => {
  const attribution = { type: 'text', text: 'x-anthropic-billing-header: cc_version=2; cc_entrypoint=cli;' }
  expect(read({ system: [attribution, { type: 'text', text: 'a' }] }).messages[0]?.parts).toEqual([
    { type: 'text', text: 'a' },
  ])
  expect(read({ system: [attribution] }).messages[0]?.role).toBe('user')
})

test('keeps a system message in its place', () => {
  const roles = messagesOf(
    { role: 'user', content: 'a' },
    { role: 'system', content: [{ type: 'text', text: 'late rule' }] },
    { role: 'assistant', content: 'b' },
  ).map(({ role }) => role)
  expect(roles).toEqual(['user', 'system', 'assistant'])
})

test('gives each tool result a turn of its own, in order', () => {
  const messages = messagesOf({
    role: 'user',
    content: [
      { type: 'tool_result', tool_use_id: 'a', content: 'one' },
      { type: 'tool_result', tool_use_id: 'b', content: [{ type: 'text', text: 'two' }], is_error: true },
      { type: 'tool_result', tool_use_id: 'c' },
      { type: 'text', text: 'go on' },
    ],
  })
  expect(messages).toEqual([
    {
      role: 'tool',
      parts: [{ type: 'tool-result', toolCallId: 'a', parts: [{ type: 'text', text: 'one' }] }],
    },
    {
      role: 'tool',
      parts: [
        { type: 'tool-result', toolCallId: 'b', parts: [{ type: 'text', text: 'two' }], isError: true },
      ],
    },
    { role: 'tool', parts: [{ type: 'tool-result', toolCallId: 'c', parts: [] }] },
    { role: 'user', parts: [{ type: 'text', text: 'go on' }] },
  ])
})

describe('blocks', () => {
  function part(block: object, role = 'user') {
    return messagesOf({ role, content: [block] })[0]?.parts[0]
  }

  const cases: readonly (readonly [JsonObject, object])[] = [
    [
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } },
      { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AA==' } },
    ],
    [
      { type: 'image', source: { type: 'url', url: 'https://a.example/x.png' } },
      { type: 'image', source: { kind: 'url', url: 'https://a.example/x.png' } },
    ],
    [
      { type: 'image', source: { type: 'file', file_id: 'file_1' }, cache_control: { type: 'ephemeral' } },
      { type: 'image', source: { kind: 'file', fileId: 'file_1' }, cacheHint: {} },
    ],
    [
      {
        type: 'document',
        source: { type: 'text', media_type: 'text/plain', data: 'words' },
        title: 'T',
        context: 'C',
        citations: { enabled: true },
      },
      {
        type: 'document',
        source: { kind: 'text', text: 'words', mediaType: 'text/plain' },
        title: 'T',
        context: 'C',
        wantsCitations: true,
      },
    ],
    [
      { type: 'tool_use', id: 't1', name: 'add', input: { a: 1 } },
      { type: 'tool-call', id: 't1', name: 'add', arguments: '{"a":1}' },
    ],
    [
      { type: 'thinking', thinking: 'hm', signature: 'sig' },
      { type: 'reasoning', text: 'hm', signature: 'sig' },
    ],
    [
      { type: 'thinking', thinking: 'hm', signature: '' },
      { type: 'reasoning', text: 'hm' },
    ],
    [
      { type: 'redacted_thinking', data: 'xyz' },
      { type: 'reasoning', text: '', encrypted: 'xyz' },
    ],
  ]
  for (const [block, expected] of cases) {
    test(`reads ${JSON.stringify(block).slice(0, 80)}`, () => {
      expect(part(block, 'assistant')).toEqual(expected)
    })
  }

  test('of every other kind are kept raw', () => {
    const blocks = [
      { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
      { type: 'web_search_tool_result', tool_use_id: 's', content: [] },
      { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'a' }] } },
      { type: 'kind_of_2031', x: [1] },
    ]
    for (const value of blocks) {
      expect(part(value)).toEqual({ type: 'opaque', dialect: 'anthropic-messages', value })
    }
  })
})

test('reads tools: functions, and what the provider runs itself raw', () => {
  const webSearch = { type: 'web_search_20250305', name: 'web_search', max_uses: 3 }
  const { tools } = read({
    tools: [
      {
        name: 'a',
        description: 'd',
        input_schema: { type: 'object' },
        strict: true,
        cache_control: { type: 'ephemeral' },
      },
      { type: 'custom', name: 'b', input_schema: { type: 'object' }, defer_loading: true },
      webSearch,
    ],
  })
  expect(tools).toEqual([
    {
      kind: 'function',
      name: 'a',
      description: 'd',
      parameters: { type: 'object' },
      isStrict: true,
      cacheHint: {},
    },
    {
      kind: 'function',
      name: 'b',
      parameters: { type: 'object' },
      vendor: { dialect: 'anthropic-messages', fields: { defer_loading: true } },
    },
    { kind: 'opaque', dialect: 'anthropic-messages', name: 'web_search', value: webSearch },
  ])
})

test('reads the choice among tools', () => {
  expect(read({ tool_choice: { type: 'auto' } })).toMatchObject({ toolChoice: { type: 'auto' } })
  expect(read({ tool_choice: { type: 'any', disable_parallel_tool_use: true } })).toMatchObject({
    toolChoice: { type: 'required' },
    allowsParallelToolCalls: false,
  })
  expect(read({ tool_choice: { type: 'tool', name: 'a' } }).toolChoice).toEqual({ type: 'tool', name: 'a' })
  expect(read({ tool_choice: { type: 'none' } }).toolChoice).toEqual({ type: 'none' })
  expect(read({ tool_choice: { type: 'maybe' } }).toolChoice).toEqual({
    type: 'opaque',
    dialect: 'anthropic-messages',
    value: { type: 'maybe' },
  })
})

test('reads thinking and effort', () => {
  expect(read({ thinking: { type: 'enabled', budget_tokens: 2000 } }).reasoning).toEqual({
    mode: 'on',
    budgetTokens: 2000,
  })
  expect(read({ thinking: { type: 'disabled' } }).reasoning).toEqual({ mode: 'off' })
  expect(
    read({ thinking: { type: 'adaptive', display: 'omitted' }, output_config: { effort: 'high' } }).reasoning,
  ).toEqual({
    mode: 'adaptive',
    display: 'omitted',
    effort: 'high',
  })
})

test('reads the output format under its new and its old name', () => {
  const format = { type: 'json_schema', schema: { type: 'object' } }
  const expected = { type: 'json-schema', schema: { type: 'object' } }
  expect(read({ output_config: { format } }).output).toEqual(expected)
  expect(read({ output_format: format }).output).toEqual(expected)
})

test('keeps what it has no word for, whole or what is left of it', () => {
  const { vendor } = read({
    thread: { type: 'create' },
    container: null,
    thinking: { type: 'foreseeing', depth: 2 },
    output_config: { effort: 'low', task_budget: { total: 5 } },
    metadata: { user_id: 'u', team: 't' },
  })
  expect(vendor).toEqual({
    dialect: 'anthropic-messages',
    fields: {
      thread: { type: 'create' },
      thinking: { type: 'foreseeing', depth: 2 },
      output_config: { task_budget: { total: 5 } },
      metadata: { team: 't' },
    },
  })
})

describe('refuses what makes no sense and names it', () => {
  const faults: readonly (readonly [string, object])[] = [
    ['messages', { messages: [] }],
    ['messages.0', { messages: ['hi'] }],
    ['messages.0.role', { messages: [{ role: 'robot', content: 'hi' }] }],
    ['messages.0.content', { messages: [{ role: 'user' }] }],
    [
      'messages.0.content.1',
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'a' }, 'SECRET'] }] },
    ],
    ['messages.0.content.0.type', { messages: [{ role: 'user', content: [{}] }] }],
    ['messages.0.content.0.text', { messages: [{ role: 'user', content: [{ type: 'text', text: 7 }] }] }],
    [
      'messages.0.content.0.id',
      { messages: [{ role: 'assistant', content: [{ type: 'tool_use', name: 'a' }] }] },
    ],
    [
      'messages.0.content.0.tool_use_id',
      { messages: [{ role: 'user', content: [{ type: 'tool_result' }] }] },
    ],
    ['tools.0.name', { tools: [{ input_schema: {} }] }],
    ['tool_choice.name', { tool_choice: { type: 'tool' } }],
  ]
  for (const [param, fields] of faults) {
    test(`in ${param}`, () => {
      expect(() => read(fields)).toThrow(
        expect.objectContaining({ code: 'invalid_request', facts: expect.objectContaining({ param }) }),
      )
      expect(() => read(fields)).not.toThrow(/SECRET/)
    })
  }
})

describe('message threads', () => {
  test('are refused for a translation so that the SDK sends the whole history', () => {
    const create = refuseThread(read({ thread: { type: 'create' } }))
    expect([create?.status, create?.facts.details]).toEqual([
      400,
      { error_code: 'thread_unsupported_request', unsupported: ['thread'] },
    ])
    const go = refuseThread(read({ thread: { type: 'continue', previous_message_id: 'msg_1' } }))
    expect([go?.status, go?.facts.details]).toEqual([404, { error_code: 'thread_not_found' }])
    expect(go).toBeInstanceOf(GatewayError)
  })

  test('are no matter where there is none', () => {
    expect(refuseThread(read({}))).toBeUndefined()
    expect(refuseThread(read({ thread: null }))).toBeUndefined()
  })
})
