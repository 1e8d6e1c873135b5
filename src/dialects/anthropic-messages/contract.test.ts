import { describeDialect } from '../dialect.contract.ts'
import { anthropicMessages } from './index.ts'
import {
  blockDelta,
  blockStart,
  blockStop,
  messageDelta,
  messageStart,
  messageStop,
  textBlock,
} from './stream.test-support.ts'

describeDialect(anthropicMessages, {
  messagesField: 'messages',
  request: {
    model: 'claude-sonnet-4-5',
    max_tokens: 100,
    system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'Zürich \u{1f326}?' }] },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Look it up.', signature: 'c2ln' },
          { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Zürich' } },
        ],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: '21 °C' }] },
    ],
    tools: [{ name: 'weather', description: 'd', input_schema: { type: 'object', properties: {} } }],
    tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    temperature: 0,
    stop_sequences: ['END'],
    metadata: { user_id: 'u' },
    container: 'c_1',
  },
  stream:
    messageStart +
    textBlock(0, 'It is 21', '\u00a0°C \u{1f324}') +
    blockStart(1, { type: 'tool_use', id: 'toolu_9', name: 'say', input: {} }) +
    blockDelta(1, { type: 'input_json_delta', partial_json: '' }) +
    blockDelta(1, { type: 'input_json_delta', partial_json: '{"t":"' }) +
    blockDelta(1, { type: 'input_json_delta', partial_json: '\u{1f324}"}' }) +
    blockStop(1) +
    messageDelta('tool_use') +
    messageStop,
  answer: {
    id: 'msg_8',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-4-5',
    content: [
      { type: 'text', text: 'Hello.' },
      { type: 'tool_use', id: 'toolu_2', name: 'say', input: {} },
    ],
    stop_reason: 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 2 },
  },
  brokenEvent: 'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"te\n\n',
})
