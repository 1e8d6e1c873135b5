import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Message, Part } from '../../canonical/message.ts'
import type { JsonObject } from '../../std/json.ts'
import { LossList } from './losses.ts'
import { writeMessages } from './write-messages.ts'

const hello: Message = { role: 'user', parts: [{ type: 'text', text: 'hi' }] }

function say(role: Message['role'], ...texts: string[]): Message {
  return { role, parts: texts.map((text) => ({ type: 'text', text })) }
}

describe('messages', () => {
  function messages(...list: Message[]) {
    const losses = new LossList()
    const { messages: written, system } = writeMessages(list, losses)
    return { messages: written, system, losses: losses.list.map(({ field }) => field) }
  }

  test('put leading system and developer messages into system', () => {
    expect(messages(say('system', 'a'), say('developer', 'b'), hello)).toEqual({
      system: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      messages: [{ role: 'user', content: 'hi' }],
      losses: [],
    })
    expect(messages(say('system', 'a'), hello).system).toBe('a')
  })

  test('keep a later system message in place, as labelled text of a user turn', () => {
    expect(messages(hello, say('system', 'late'), say('assistant', 'ok')).messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'hi' },
          { type: 'text', text: '<system>\nlate\n</system>' },
        ],
      },
      { role: 'assistant', content: 'ok' },
    ])
  })

  test('send the last system message as the user turn where the user says nothing', () => {
    expect(messages(say('system', 'a'), say('user', '')).messages).toEqual([{ role: 'user', content: 'a' }])
  })

  test('send the last of system messages alone as the user turn', () => {
    const only = messages(say('system', 'a'), say('system', 'b'))
    expect(only).toEqual({
      system: 'a',
      messages: [{ role: 'user', content: 'b' }],
      losses: ['messages.role'],
    })
  })

  test('join neighbouring turns of one role and drop empty ones', () => {
    expect(
      messages(say('user', 'a'), say('assistant', ''), say('user', 'b'), say('assistant', 'c')).messages,
    ).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      { role: 'assistant', content: 'c' },
    ])
  })

  test('leave out text without a visible character, which Anthropic refuses', () => {
    const call: Message = {
      role: 'assistant',
      parts: [
        { type: 'text', text: '\n' },
        { type: 'tool-call', id: 'a', name: 'f', arguments: '{}' },
      ],
    }
    expect(messages(say('system', ' '), hello, call, say('system', '\t'), hello)).toMatchObject({
      system: undefined,
      messages: [{}, { content: [{ type: 'tool_use' }] }, { content: 'hi' }],
    })
  })

  test('trim the end of an answer begun for the model', () => {
    expect(messages(hello, say('assistant', 'Once \n')).messages).toEqual([
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'Once' },
    ])
  })

  test('put tool results of one round first in one user turn', () => {
    const calls: Message = {
      role: 'assistant',
      parts: [
        { type: 'tool-call', id: 'a', name: 'f', arguments: '{"x":1}' },
        { type: 'tool-call', id: 'b', name: 'f', arguments: '' },
      ],
    }
    const result = (toolCallId: string): Message => ({
      role: 'tool',
      parts: [{ type: 'tool-result', toolCallId, parts: [{ type: 'text', text: `r${toolCallId}` }] }],
    })
    expect(
      messages(hello, calls, say('system', 'note'), result('a'), result('b'), say('user', 'go')).messages,
    ).toEqual([
      { role: 'user', content: 'hi' },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
          { type: 'tool_use', id: 'b', name: 'f', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'a', content: 'ra' },
          { type: 'tool_result', tool_use_id: 'b', content: 'rb' },
          { type: 'text', text: '<system>\nnote\n</system>' },
          { type: 'text', text: 'go' },
        ],
      },
    ])
  })

  test('give tool calls ids Anthropic takes, the same for call and result, none twice', () => {
    const round: Message[] = [
      {
        role: 'assistant',
        parts: [
          { type: 'tool-call', id: 'functions.add:0', name: 'f', arguments: '{}' },
          { type: 'tool-call', id: '', name: 'f', arguments: '{}' },
          { type: 'tool-call', id: '', name: 'f', arguments: '{}' },
        ],
      },
      {
        role: 'tool',
        parts: ['functions.add:0', '', ''].map(
          (toolCallId): Part => ({ type: 'tool-result', toolCallId, parts: [] }),
        ),
      },
    ]
    const written = messages(hello, ...round, ...round).messages as {
      content: { id?: string; tool_use_id?: string }[]
    }[]
    const calls = [1, 3].flatMap((index) => (written[index]?.content ?? []).map(({ id }) => id))
    const results = [2, 4].flatMap((index) =>
      (written[index]?.content ?? []).map(({ tool_use_id: id }) => id),
    )
    expect(results).toEqual(calls)
    expect(new Set(calls).size).toBe(6)
    for (const id of calls) expect(id).toMatch(/^[a-zA-Z0-9_-]+$/)
  })

  test('show malformed arguments as they were and say so', () => {
    const call = (text: string): Message => ({
      role: 'assistant',
      parts: [{ type: 'tool-call', id: 'a', name: 'f', arguments: text }],
    })
    for (const text of ['{"a": 1', '[1]', '"x"']) {
      const { messages: written, losses } = messages(hello, call(text))
      expect(written).toMatchObject([{}, { content: [{ input: { malformed_arguments: text } }] }])
      expect(losses).toEqual(['messages.tool_calls.arguments'])
    }
  })

  test('drop reasoning that is not signed, and replay what is', () => {
    const { messages: written, losses } = messages(hello, {
      role: 'assistant',
      parts: [
        { type: 'reasoning', text: 'of another provider' },
        { type: 'reasoning', text: 'own', signature: 's' },
        { type: 'reasoning', text: '', encrypted: 'e' },
        { type: 'text', text: 'ok' },
      ],
    })
    expect(written).toMatchObject([
      {},
      {
        content: [
          { type: 'thinking', thinking: 'own', signature: 's' },
          { type: 'redacted_thinking', data: 'e' },
          { type: 'text', text: 'ok' },
        ],
      },
    ])
    expect(losses).toEqual(['messages.reasoning'])
  })

  test('say images and documents in Anthropic’s sources', () => {
    const parts: Part[] = [
      { type: 'image', source: { kind: 'url', url: 'data:image/jpg;base64,AAAA' }, detail: 'high' },
      { type: 'image', source: { kind: 'url', url: 'https://a.example/i.png' }, detail: 'auto' },
      {
        type: 'document',
        source: { kind: 'base64', mediaType: 'application/pdf', data: 'BBBB' },
        title: 'a.pdf',
      },
      { type: 'document', source: { kind: 'base64', mediaType: 'text/csv', data: 'YSxi' } },
    ]
    const { messages: written, losses } = messages({ role: 'user', parts })
    expect(written).toEqual([
      {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: 'AAAA' } },
          { type: 'image', source: { type: 'url', url: 'https://a.example/i.png' } },
          {
            type: 'document',
            source: { type: 'base64', media_type: 'application/pdf', data: 'BBBB' },
            title: 'a.pdf',
          },
          { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'a,b' } },
        ],
      },
    ])
    expect(losses).toEqual(['messages.image_url.detail'])
  })

  test('lose by name what Anthropic cannot take', () => {
    const parts: Part[] = [
      { type: 'text', text: 'hi' },
      { type: 'audio', source: { kind: 'base64', mediaType: 'audio/wav', data: 'AA' } },
      { type: 'image', source: { kind: 'base64', mediaType: 'image/tiff', data: 'AA' } },
      { type: 'document', source: { kind: 'file', fileId: 'file-openai' } },
      { type: 'opaque', dialect: 'openai-chat', value: { type: 'odd' } },
    ]
    expect(messages({ role: 'user', name: 'Ann', parts })).toEqual({
      system: undefined,
      messages: [{ role: 'user', content: 'hi' }],
      losses: ['messages.name', 'messages.audio', 'messages.image', 'messages.file', 'messages.odd'],
    })
  })
})

interface Turn {
  readonly role: string
  readonly content: string | readonly JsonObject[]
}

test('never fails, whatever the conversation', () => {
  const part: fc.Arbitrary<Part> = fc.oneof(
    fc.record({ type: fc.constant('text' as const), text: fc.string() }),
    fc.record({
      type: fc.constant('tool-call' as const),
      id: fc.string(),
      name: fc.string(),
      arguments: fc.oneof(fc.string(), fc.json()),
    }),
    fc.record({ type: fc.constant('tool-result' as const), toolCallId: fc.string(), parts: fc.constant([]) }),
    fc.record({ type: fc.constant('reasoning' as const), text: fc.string(), signature: fc.string() }),
    fc.record({ type: fc.constant('refusal' as const), text: fc.string() }),
  )
  const message: fc.Arbitrary<Message> = fc.record({
    role: fc.constantFrom('system', 'developer', 'user', 'assistant', 'tool'),
    parts: fc.array(part, { maxLength: 4 }),
  })
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), (list) => {
      // Turns have this form by the type of the API.
      const written = writeMessages(list, new LossList()).messages as unknown as readonly Turn[]
      let ids: unknown[] = []
      for (const [index, turn] of written.entries()) {
        expect(turn.role).not.toBe(written[index - 1]?.role)
        expect(turn.content.length).toBeGreaterThan(0)
        if (typeof turn.content === 'string') continue
        ids = [...ids, ...turn.content.filter(({ type }) => type === 'tool_use').map(({ id }) => id)]
        const firstOther = turn.content.findIndex(({ type }) => type !== 'tool_result')
        expect(
          turn.content
            .slice(Math.max(0, firstOther))
            .some(({ type }) => type === 'tool_result' && firstOther >= 0),
        ).toBe(false)
      }
      expect(new Set(ids).size).toBe(ids.length)
    }),
  )
})
