import { describeTargetDialect } from '../target-dialect.contract.ts'
import { cohereChat } from './index.ts'

const event = (value: { type: string }) => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`
const delta = (type: string, message: object, index?: number) =>
  event({ type, ...(index === undefined ? {} : { index }), delta: { message } } as { type: string })
const call = (value: object) => ({ tool_calls: value })

const start = event({
  type: 'message-start',
  id: 'a-1',
  delta: { message: { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] } },
} as { type: string })
const text =
  delta('content-start', { content: { type: 'text', text: '' } }, 0) +
  delta('content-delta', { content: { text: 'It is 21' } }, 0) +
  delta('content-delta', { content: { text: '\u00a0°C 🌤' } }, 0)
const usage = {
  billed_units: { input_tokens: 11, output_tokens: 7 },
  tokens: { input_tokens: 500, output_tokens: 9 },
  cached_tokens: 448,
}

describeTargetDialect(cohereChat, {
  stream:
    start +
    delta('tool-plan-delta', { tool_plan: 'I will ' }) +
    delta('tool-plan-delta', { tool_plan: 'say it.' }) +
    text +
    event({ type: 'content-end', index: 0 } as { type: string }) +
    delta(
      'tool-call-start',
      call({ id: 'say_1', type: 'function', function: { name: 'say', arguments: '' } }),
      0,
    ) +
    delta('tool-call-delta', call({ function: { arguments: '{"t":"\\ud83c' } }), 0) +
    delta('tool-call-delta', call({ function: { arguments: '\\udf24"}' } }), 0) +
    event({ type: 'tool-call-end', index: 0 } as { type: string }) +
    event({ type: 'message-end', delta: { finish_reason: 'TOOL_CALL', usage } } as { type: string }) +
    'data: [DONE]\n\n',
  answer: {
    id: 'a-1',
    message: {
      role: 'assistant',
      tool_plan: 'I will say it.',
      content: [{ type: 'text', text: 'It is 21\u00a0°C 🌤' }],
      tool_calls: [
        { id: 'say_1', type: 'function', function: { name: 'say', arguments: '{"t":"\\ud83c\\udf24"}' } },
      ],
    },
    finish_reason: 'TOOL_CALL',
    usage,
  },
  brokenEvent: 'event: content-delta\ndata: {"type":"content-del\n\n',
  afterFirstEvent: Buffer.byteLength(start),
  failedStream: {
    stream:
      start +
      text +
      event({
        type: 'message-end',
        delta: { finish_reason: 'ERROR', error: 'bad call', error_type: 'INVALID_TOOL_GENERATION' },
      } as { type: string }),
    code: 'upstream_tool_use_failed',
  },
  losses: ['metadata', 'messages.audio'],
  refusals: [
    { status: 401, body: '{"message":"invalid api token","id":"1"}', code: 'upstream_auth' },
    { status: 404, body: '{"id":"1","message":"model \'x\' not found"}', code: 'upstream_model_not_found' },
    { status: 422, body: '{"message":"unknown field: parameter x"}', code: 'upstream_invalid_request' },
    { status: 429, body: '{"message":"You are past the rate limit"}', code: 'rate_limited' },
    { status: 500, body: '{"message":"internal server error"}', code: 'upstream_error' },
  ],
})
