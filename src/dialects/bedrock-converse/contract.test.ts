import { encodeEventStream } from '../../wire/eventstream-encode.ts'
import { describeTargetDialect } from '../target-dialect.contract.ts'
import { bedrockConverse } from './index.ts'

const event = (type: string, value: unknown): Uint8Array =>
  encodeEventStream(
    { ':event-type': type, ':content-type': 'application/json', ':message-type': 'event' },
    Buffer.from(JSON.stringify(value)),
  )
const delta = (index: number, value: unknown) =>
  event('contentBlockDelta', { contentBlockIndex: index, delta: value, p: 'abc' })

const start = event('messageStart', { role: 'assistant', p: 'abcd' })
const text = [
  delta(0, { text: 'It is 21' }),
  delta(0, { text: ' °C 🌤' }),
  event('contentBlockStop', { contentBlockIndex: 0 }),
]
const usage = { inputTokens: 11, outputTokens: 7, totalTokens: 66, cacheReadInputTokens: 48 }

describeTargetDialect(bedrockConverse, {
  stream: Buffer.concat([
    start,
    ...text,
    event('contentBlockStart', { contentBlockIndex: 1, start: { toolUse: { toolUseId: 't', name: 'say' } } }),
    delta(1, { toolUse: { input: '{"t":' } }),
    delta(1, { toolUse: { input: '"🌤"}' } }),
    event('contentBlockStop', { contentBlockIndex: 1 }),
    event('messageStop', { stopReason: 'tool_use' }),
    event('metadata', { usage, metrics: { latencyMs: 1 } }),
  ]),
  answer: {
    output: {
      message: {
        role: 'assistant',
        content: [{ text: 'It is 21 °C 🌤' }, { toolUse: { toolUseId: 't', name: 'say', input: { t: '🌤' } } }],
      },
    },
    stopReason: 'tool_use',
    usage,
  },
  brokenEvent: encodeEventStream({ ':event-type': 'contentBlockDelta' }, Buffer.from('{"delta')),
  afterFirstEvent: start.length,
  failedStream: {
    stream: Buffer.concat([
      start,
      ...text,
      encodeEventStream(
        { ':message-type': 'exception', ':exception-type': 'throttlingException' },
        Buffer.from('{"message":"Too fast."}'),
      ),
    ]),
    code: 'rate_limited',
  },
  losses: [],
  refusals: [
    {
      status: 400,
      headers: { 'x-amzn-errortype': 'ValidationException:http://internal.example/' },
      body: '{"message":"The provided model identifier is invalid."}',
      code: 'upstream_model_not_found',
    },
    { status: 429, body: '{"Message":"Rate exceeded"}', code: 'rate_limited' },
    { status: 403, body: '{"__type":"UnrecognizedClientException","message":"no"}', code: 'upstream_auth' },
  ],
})
