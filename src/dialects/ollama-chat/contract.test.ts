import { describeTargetDialect } from '../target-dialect.contract.ts'
import { ollamaChat } from './index.ts'

const line = (message: object, more: object = {}) =>
  `${JSON.stringify({ model: 'm', created_at: '2026-01-02T03:04:05.678Z', message: { role: 'assistant', content: '', ...message }, done: false, ...more })}\n`
const call = { id: 'call_9', function: { index: 0, name: 'say', arguments: { t: '🌤' } } }
const counts = { prompt_eval_count: 11, eval_count: 7, total_duration: 5 }
const start = line({ thinking: 'Hm.' })

describeTargetDialect(ollamaChat, {
  stream:
    start +
    line({ content: 'It is 21' }) +
    line({ content: '\u00a0°C 🌤' }) +
    line({ tool_calls: [call] }) +
    line({}, { done: true, done_reason: 'stop', ...counts }),
  answer: {
    model: 'm',
    created_at: '2026-01-02T03:04:05.678Z',
    message: {
      role: 'assistant',
      thinking: 'Hm.',
      content: 'It is 21\u00a0°C 🌤',
      tool_calls: [call],
    },
    done: true,
    done_reason: 'stop',
    ...counts,
  },
  brokenEvent: '{"model":"m","mess\n',
  afterFirstEvent: Buffer.byteLength(start),
  failedStream: {
    stream: `${start}${line({ content: 'It is' })}{"error":"an unknown runner error"}\n`,
    code: 'upstream_error',
  },
  losses: ['metadata', 'messages.audio', 'tool_choice'],
  refusals: [
    { status: 404, body: '{"error":"model \'x\' not found"}', code: 'upstream_model_not_found' },
    { status: 400, body: '{"error":"invalid option"}', code: 'upstream_invalid_request' },
    {
      status: 503,
      body: '{"error":"server busy, please try again.  maximum pending requests exceeded"}',
      code: 'upstream_overloaded',
    },
    { status: 500, body: '{"error":"runner stopped"}', code: 'upstream_error' },
  ],
})
