import { describeDialect } from '../dialect.contract.ts'
import { openaiCompletions } from './index.ts'

const chunk = (choices: unknown, more: object = {}) =>
  `data: ${JSON.stringify({ id: 'cmpl-7', object: 'text_completion', created: 1_750_000_000, model: 'm-1', choices, ...more })}\n\n`
const piece = (text: string, finishReason: string | null = null) =>
  chunk([{ text, index: 0, logprobs: null, finish_reason: finishReason }])

describeDialect(openaiCompletions, {
  messagesField: 'prompt',
  noToolCalls: 'a completion is text alone',
  request: {
    model: 'm-1',
    prompt: 'def zürich(🌦):\n',
    suffix: '\n    return x',
    temperature: 0,
    max_tokens: 100,
    stop: ['END'],
    logprobs: 2,
    echo: false,
    best_of: 1,
    seed: 7,
    user: 'u-1',
    logit_bias: { '50256': -100 },
  },
  stream:
    piece('') +
    piece('It is 21') +
    piece('\u00a0°C 🌤') +
    piece('', 'stop') +
    chunk([], { usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } }) +
    'data: [DONE]\n\n',
  answer: {
    id: 'cmpl-8',
    object: 'text_completion',
    created: 1_750_000_000,
    model: 'm-1',
    choices: [{ text: 'Hello.', index: 0, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  },
  brokenEvent: 'data: {"choices":[{"text":"lo\n\n',
})
