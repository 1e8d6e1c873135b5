import { describeDialect } from '../dialect.contract.ts'
import { openaiResponses } from './index.ts'

let number = 0
const event = (type: string, fields: object) => {
  const data = JSON.stringify({ type, sequence_number: number, ...fields })
  number += 1
  return `event: ${type}\ndata: ${data}\n\n`
}
const call = { id: 'fc_1', type: 'function_call', call_id: 'call_9', name: 'say' }
const message = { id: 'msg_1', type: 'message', role: 'assistant' }
const inMessage = { item_id: 'msg_1', output_index: 0, content_index: 0 }
const inCall = { item_id: 'fc_1', output_index: 1 }
const response = {
  id: 'resp_7',
  object: 'response',
  created_at: 1_750_000_000,
  model: 'm-1',
  status: 'in_progress',
  output: [],
}
const text = (value: string) => ({ type: 'output_text', text: value, annotations: [], logprobs: [] })
const said = 'It is 21\u00a0°C 🌤'
const output = [
  { ...message, status: 'completed', content: [text(said)] },
  { ...call, status: 'completed', arguments: '{"t":"\\ud83c\\udf24"}' },
]
const usage = {
  input_tokens: 11,
  input_tokens_details: { cached_tokens: 3 },
  output_tokens: 7,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 18,
}
const whole = { ...response, status: 'completed', error: null, incomplete_details: null, output, usage }

describeDialect(openaiResponses, {
  messagesField: 'input',
  ceilingField: 'max_output_tokens',
  request: {
    model: 'm-1',
    instructions: 'Be brief.',
    input: [
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'Zürich 🌦?' },
          { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'low' },
        ],
      },
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAA' },
      { type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"city":"Zürich"}' },
      { type: 'function_call_output', call_id: 'call_1', output: '21 °C' },
    ],
    tools: [
      {
        type: 'function',
        name: 'weather',
        description: 'd',
        parameters: { type: 'object', properties: {} },
        strict: false,
      },
    ],
    tool_choice: 'auto',
    temperature: 0,
    max_output_tokens: 100,
    store: false,
    truncation: 'auto',
  },
  stream:
    event('response.created', { response }) +
    event('response.in_progress', { response }) +
    event('response.output_item.added', {
      output_index: 0,
      item: { ...message, status: 'in_progress', content: [] },
    }) +
    event('response.content_part.added', { ...inMessage, part: text('') }) +
    event('response.output_text.delta', { ...inMessage, delta: 'It is 21', logprobs: [] }) +
    event('response.output_text.delta', { ...inMessage, delta: '\u00a0°C 🌤', logprobs: [] }) +
    event('response.output_text.done', { ...inMessage, text: said, logprobs: [] }) +
    event('response.content_part.done', { ...inMessage, part: text(said) }) +
    event('response.output_item.done', { output_index: 0, item: output[0] }) +
    event('response.output_item.added', {
      output_index: 1,
      item: { ...call, status: 'in_progress', arguments: '' },
    }) +
    event('response.function_call_arguments.delta', { ...inCall, delta: '{"t":"\\ud83c' }) +
    event('response.function_call_arguments.delta', { ...inCall, delta: '\\udf24"}' }) +
    event('response.function_call_arguments.done', { ...inCall, arguments: '{"t":"\\ud83c\\udf24"}' }) +
    event('response.output_item.done', { output_index: 1, item: output[1] }) +
    event('response.completed', { response: whole }),
  answer: whole,
  brokenEvent: 'event: response.output_text.delta\ndata: {"type":\n\n',
})
