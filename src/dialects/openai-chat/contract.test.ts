import { describeDialect } from '../dialect.contract.ts'
import { openaiChat } from './index.ts'

const chunk = (choices: unknown, more: object = {}) =>
  `data: ${JSON.stringify({ id: 'chatcmpl-7', object: 'chat.completion.chunk', created: 1_750_000_000, model: 'm-1', choices, ...more })}\n\n`
const delta = (value: object, finishReason: string | null = null) =>
  chunk([{ index: 0, delta: value, finish_reason: finishReason }])

describeDialect(openaiChat, {
  messagesField: 'messages',
  request: {
    model: 'm-1',
    messages: [
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Zürich 🌦?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } },
        ],
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Zürich"}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_1', content: '21 °C' },
    ],
    tools: [
      {
        type: 'function',
        function: {
          name: 'weather',
          description: 'd',
          parameters: { type: 'object', properties: {} },
          strict: false,
        },
      },
    ],
    tool_choice: 'auto',
    temperature: 0,
    max_tokens: 100,
    stop: ['END'],
    seed: 7,
    logit_bias: { '50256': -100 },
  },
  stream:
    delta({ role: 'assistant', content: '' }) +
    delta({ content: 'It is 21' }) +
    delta({ content: '\u00a0°C 🌤' }) +
    delta({
      tool_calls: [{ index: 0, id: 'call_9', type: 'function', function: { name: 'say', arguments: '' } }],
    }) +
    delta({ tool_calls: [{ index: 0, function: { arguments: '{"t":"\\ud83c' } }] }) +
    delta({ tool_calls: [{ index: 0, function: { arguments: '\\udf24"}' } }] }) +
    delta({}, 'tool_calls') +
    chunk([], { usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } }) +
    'data: [DONE]\n\n',
  answer: {
    id: 'chatcmpl-8',
    object: 'chat.completion',
    created: 1_750_000_000,
    model: 'm-1',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'Hello.',
          refusal: null,
          tool_calls: [{ id: 'call_2', type: 'function', function: { name: 'say', arguments: '{}' } }],
        },
        logprobs: null,
        finish_reason: 'tool_calls',
      },
    ],
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  },
  brokenEvent: 'data: {"choices":[{"delta":{"content":"lo\n\n',
})
