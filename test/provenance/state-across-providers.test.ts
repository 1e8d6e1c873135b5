/** State that a provider made, through whole conversations: it returns to its maker, and to nobody else on any way. */

import { describe, expect, test } from 'vitest'
import type { DialectId } from '../../src/canonical/envelope.ts'
import { SEAL_MARK } from '../../src/canonical/seal.ts'
import { dialects } from '../../src/dialects/index.ts'
import { GatewayError } from '../../src/errors/gateway-error.ts'
import type { Reply } from '../../src/execution/reply.ts'
import { createWorld, drive, json, sse, type World } from '../reliability/world.ts'

const anthropicStream = [
  {
    type: 'message_start',
    message: {
      id: 'm',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [],
      usage: { input_tokens: 1, output_tokens: 1 },
    },
  },
  { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'let me see' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'PROOF==' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'content_block_start', index: 1, content_block: { type: 'redacted_thinking', data: 'SECRET==' } },
  { type: 'content_block_stop', index: 1 },
  { type: 'content_block_start', index: 2, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 2, delta: { type: 'text_delta', text: 'hello' } },
  { type: 'content_block_stop', index: 2 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 5 } },
  { type: 'message_stop' },
]

function anthropicAnswer() {
  return sse(
    (async function* () {
      for (const event of anthropicStream) {
        yield Buffer.from(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
      }
    })(),
  )
}

const signedCall = {
  id: 'c',
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: null,
        tool_calls: [
          {
            id: 'call_1',
            type: 'function',
            function: { name: 'f', arguments: '{}' },
            extra_content: { google: { thought_signature: 'PROOF==' } },
          },
        ],
      },
      finish_reason: 'tool_calls',
    },
  ],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
}

/** What the client of a dialect keeps of an answer: the message to send back. */
async function messageOf(reply: Reply, dialect: DialectId): Promise<Readonly<Record<string, unknown>>> {
  const body = await bytesOf(reply.body)
  reply.close(true)
  const client = dialects.get(dialect)
  const folder = client?.createFolder()
  if (reply.contentType.startsWith('text/event-stream')) {
    folder?.read(body)
    folder?.end()
  }
  const text = Buffer.from(
    reply.contentType.startsWith('text/event-stream') ? (folder?.result() ?? body) : body,
  ).toString()
  const answer = JSON.parse(text)
  return dialect === 'openai-chat'
    ? answer.choices[0].message
    : { role: 'assistant', content: answer.content }
}

async function bytesOf(body: Reply['body']): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body)
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

interface Talk {
  readonly client: DialectId
  readonly stream: boolean
  /** What follows the answer; default: a word of the user. */
  readonly next?: Readonly<Record<string, unknown>>
  /** What the client does to the message before it sends it back. */
  readonly keep?: (message: Readonly<Record<string, unknown>>) => unknown
  /** Besides the messages. */
  readonly fields?: Readonly<Record<string, unknown>>
}

/** Two turns; gives what each target was sent in the second. */
async function talk(
  world: World,
  { client, stream, next, keep, fields }: Talk,
): Promise<ReadonlyMap<string, string>> {
  const dialect = dialects.get(client)
  if (dialect === undefined) throw new Error('no such dialect')
  const question = { role: 'user', content: 'hi' }
  const options = { stream, client: dialect }
  const first = await drive(world.clock, world.run({ ...options, fields: { max_tokens: 4_096, ...fields } }))
  if (first.value === undefined) throw first.error
  const message = await messageOf(first.value, client)
  const messages = [
    question,
    keep === undefined ? message : keep(message),
    next ?? { role: 'user', content: 'go on' },
  ]
  const before = world.calls.length
  const second = await drive(
    world.clock,
    world.run({ ...options, fields: { max_tokens: 4_096, ...fields, messages } }),
  )
  if (second.value !== undefined) await messageOf(second.value, client)
  return new Map(world.calls.slice(before).map((call) => [call.target, sentText(call.request.body)]))
}

function sentText(body: unknown): string {
  if (body instanceof Uint8Array) return Buffer.from(body).toString()
  throw new Error('a chat is sent as bytes')
}

describe.each<DialectId>(['anthropic-messages', 'openai-chat'])(
  'thinking that a provider signed, to a client of %s',
  (client) => {
    test('comes back to its maker as it was, and to another provider not at all', async () => {
      const world = createWorld(
        { maker: 'anthropic-messages', other: 'anthropic-messages' },
        (call, number) => {
          if (number === 2 && call.target === 'maker') throw new GatewayError('upstream_auth', 'dead key')
          return anthropicAnswer()
        },
      )
      const sent = await talk(world, { client, stream: true })
      expect([...sent.keys()]).toEqual(['maker', 'other'])
      expect(sent.get('maker')).toContain('"PROOF=="')
      expect(sent.get('maker')).toContain('"SECRET=="')
      for (const state of ['PROOF==', 'SECRET==']) expect(sent.get('other')).not.toContain(state)
      for (const body of sent.values()) expect(body).not.toContain(SEAL_MARK)
    })

    test('is not sent to a provider of another dialect', async () => {
      const world = createWorld({ maker: 'anthropic-messages', other: 'openai-chat' }, (call, number) => {
        if (number === 2) throw new GatewayError('upstream_auth', 'dead key')
        return call.target === 'maker' ? anthropicAnswer() : json({ ...signedCall, id: 'd' })
      })
      const sent = await talk(world, { client, stream: true })
      expect([...sent.keys()]).toEqual(['maker', 'other'])
      for (const state of ['PROOF==', 'SECRET==', SEAL_MARK]) expect(sent.get('other')).not.toContain(state)
    })
  },
)

describe('a tool call that a provider signed', () => {
  const tools = [{ name: 'f', input_schema: { type: 'object', properties: {} } }]
  const next = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: 'done' }] }
  const answering: Parameters<typeof createWorld>[1] = (_call, number) => {
    if (number === 2) throw new GatewayError('upstream_auth', 'dead key')
    return json(signedCall)
  }

  test('comes back to it with its signature, which nobody else is shown', async () => {
    const world = createWorld({ google: 'openai-chat', other: 'openai-chat' }, answering)
    const sent = await talk(world, {
      client: 'anthropic-messages',
      stream: false,
      next,
      fields: { tools, max_tokens: 16 },
    })
    expect(sent.get('google')).toContain('"thought_signature":"PROOF=="')
    expect(sent.get('other')).not.toContain('PROOF==')
    expect(sent.get('other')).not.toContain(SEAL_MARK)
  })

  test('comes back to it with its signature though the client kept only what its dialect knows', async () => {
    const world = createWorld({ google: 'openai-chat', other: 'openai-chat' }, answering)
    const keep = ({ content, ...message }: Readonly<Record<string, unknown>>) => ({
      ...message,
      content: Array.isArray(content) ? content.filter((block) => block.type === 'tool_use') : content,
    })
    const sent = await talk(world, {
      client: 'anthropic-messages',
      stream: false,
      next,
      keep,
      fields: { tools, max_tokens: 16 },
    })
    expect(sent.get('google')).toContain('"thought_signature":"PROOF=="')
    expect(sent.get('other')).not.toContain('PROOF==')
  })
})

describe('reasoning that a provider wrote without proof', () => {
  const thinking = {
    id: 'c',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: null,
          reasoning_content: 'I need the clock',
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        finish_reason: 'tool_calls',
      },
    ],
  }

  test('comes back to it, which refuses to go on without, and goes to no other', async () => {
    const world = createWorld({ deepseek: 'openai-chat', other: 'openai-chat' }, (_call, number) => {
      if (number === 2) throw new GatewayError('upstream_auth', 'dead key')
      return json(thinking)
    })
    const sent = await talk(world, {
      client: 'anthropic-messages',
      stream: false,
      next: { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: 'done' }] },
      fields: { tools: [{ name: 'f', input_schema: { type: 'object', properties: {} } }], max_tokens: 16 },
    })
    expect(sent.get('deepseek')).toContain('"reasoning_content":"I need the clock"')
    expect(sent.get('other')).not.toContain('I need the clock')
  })
})
