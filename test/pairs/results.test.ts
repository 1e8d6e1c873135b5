/** What tools answered besides one plain text, calls of unusual kinds, and who is who: as every target wants it told. */

import { afterAll, beforeAll, describe } from 'vitest'
import { type RequestFeature, testRequests } from '../support/pair-features.ts'
import { openPairStage, type PairStage } from '../support/pair-stage.ts'

let stage: PairStage
beforeAll(async () => {
  stage = await openPairStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

const ASK = 'Look.'
const PAGE = Buffer.from('a page').toString('base64')
const SHOT = Buffer.from('a picture').toString('base64')
const chatCall = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } }
const messagesCall = { type: 'tool_use', id: 'call_1', name: 'look', input: {} }
const responsesCall = { type: 'function_call', call_id: 'call_1', name: 'look', arguments: '{}' }
const geminiCall = { functionCall: { id: 'call_1', name: 'look', args: {} } }

const chatResult = (content: unknown) => ({
  messages: [
    { role: 'user', content: ASK },
    { role: 'assistant', content: null, tool_calls: [chatCall] },
    { role: 'tool', tool_call_id: 'call_1', content },
  ],
})
const messagesResult = (content: unknown) => ({
  messages: [
    { role: 'user', content: ASK },
    { role: 'assistant', content: [messagesCall] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content }] },
  ],
})
const responsesResult = (output: unknown) => ({
  input: [
    { role: 'user', content: ASK },
    responsesCall,
    { type: 'function_call_output', call_id: 'call_1', output },
  ],
})
const geminiResult = (response: unknown, more: object = {}) => ({
  contents: [
    { role: 'user', parts: [{ text: ASK }] },
    { role: 'model', parts: [geminiCall] },
    { role: 'user', parts: [{ functionResponse: { id: 'call_1', name: 'look', response, ...more } }] },
  ],
})

const severalTexts: RequestFeature = {
  name: 'a result of several texts',
  asked: {
    'openai-chat': chatResult([
      { type: 'text', text: 'Grey.' },
      { type: 'text', text: 'Wet.' },
    ]),
    'anthropic-messages': messagesResult([
      { type: 'text', text: 'Grey.' },
      { type: 'text', text: 'Wet.' },
    ]),
    'openai-responses': responsesResult([
      { type: 'input_text', text: 'Grey.' },
      { type: 'input_text', text: 'Wet.' },
    ]),
  },
  sent: {
    chat: { messages: [{}, {}, { role: 'tool', content: 'Grey.\nWet.' }] },
    messages: { messages: [{}, {}, { content: [{ content: [{ text: 'Grey.' }, { text: 'Wet.' }] }] }] },
    responses: { input: [{}, {}, { output: [{ text: 'Grey.' }, { text: 'Wet.' }] }] },
    gemini: {
      contents: [{}, {}, { parts: [{ functionResponse: { response: { output: 'Grey.\nWet.' } } }] }],
    },
    bedrock: {
      messages: [{}, {}, { content: [{ toolResult: { content: [{ text: 'Grey.' }, { text: 'Wet.' }] } }] }],
    },
    cohere: { messages: [{}, {}, { role: 'tool', content: 'Grey.\nWet.' }] },
    ollama: { messages: [{}, {}, { role: 'tool', content: 'Grey.\nWet.' }] },
  },
}

const nothing: RequestFeature = {
  name: 'a result of nothing',
  asked: {
    'openai-chat': chatResult(''),
    'anthropic-messages': messagesResult([]),
    'openai-responses': responsesResult(''),
    gemini: geminiResult({ output: '' }),
  },
  sent: {
    chat: { messages: [{}, {}, { role: 'tool', tool_call_id: 'call_1', content: '' }] },
    messages: { messages: [{}, {}, { content: [{ type: 'tool_result', tool_use_id: 'call_1' }] }] },
    responses: { input: [{}, {}, { type: 'function_call_output', call_id: 'call_1' }] },
    gemini: { contents: [{}, {}, { parts: [{ functionResponse: { name: 'look' } }] }] },
    bedrock: { messages: [{}, {}, { content: [{ toolResult: { toolUseId: 'call_1' } }] }] },
    cohere: { messages: [{}, {}, { role: 'tool', tool_call_id: 'call_1' }] },
    ollama: { messages: [{}, {}, { role: 'tool', tool_name: 'look' }] },
  },
}

const pictures: RequestFeature = {
  name: 'a result with a picture',
  asked: {
    'anthropic-messages': messagesResult([
      { type: 'text', text: 'See:' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: SHOT } },
    ]),
    'openai-responses': responsesResult([
      { type: 'input_text', text: 'See:' },
      { type: 'input_image', image_url: `data:image/png;base64,${SHOT}` },
    ]),
    gemini: geminiResult(
      { output: 'See:' },
      { parts: [{ inlineData: { mimeType: 'image/png', data: SHOT } }] },
    ),
  },
  sent: {
    chat: {
      messages: [
        {},
        {},
        { role: 'tool', content: 'See:' },
        {
          role: 'user',
          content: [{ type: 'text' }, { image_url: { url: `data:image/png;base64,${SHOT}` } }],
        },
      ],
    },
    messages: {
      messages: [{}, {}, { content: [{ content: [{ text: 'See:' }, { source: { data: SHOT } }] }] }],
    },
    responses: {
      input: [{}, {}, { output: [{ text: 'See:' }, { image_url: `data:image/png;base64,${SHOT}` }] }],
    },
    gemini: {
      contents: [{}, {}, { parts: [{ functionResponse: {} }, { inlineData: { data: SHOT } }] }],
    },
    bedrock: {
      messages: [
        {},
        {},
        {
          content: [{ toolResult: { content: [{ text: 'See:' }, { image: { source: { bytes: SHOT } } }] } }],
        },
      ],
    },
    cohere: {},
    ollama: { messages: [{}, {}, { role: 'tool', images: [SHOT] }] },
  },
  lost: { cohere: ['messages.image'] },
}

const pages: RequestFeature = {
  name: 'a result with a document',
  asked: {
    'anthropic-messages': messagesResult([
      { type: 'text', text: 'Read:' },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: PAGE } },
    ]),
    'openai-responses': responsesResult([
      { type: 'input_text', text: 'Read:' },
      { type: 'input_file', filename: 'a.pdf', file_data: `data:application/pdf;base64,${PAGE}` },
    ]),
  },
  sent: {
    chat: { messages: [{}, {}, { role: 'tool', content: 'Read:' }, { content: [{}, { type: 'file' }] }] },
    messages: { messages: [{}, {}, { content: [{ content: [{}, { source: { data: PAGE } }] }] }] },
    responses: {
      input: [{}, {}, { output: [{}, { file_data: `data:application/pdf;base64,${PAGE}` }] }],
    },
    gemini: {},
    bedrock: {
      messages: [{}, {}, { content: [{ toolResult: { content: [{}, { document: { format: 'pdf' } }] } }] }],
    },
    cohere: {},
    ollama: {},
  },
  lost: { cohere: ['messages.document'], ollama: ['messages.document'] },
}

const json: RequestFeature = {
  name: 'a result that is an object',
  asked: {
    'openai-chat': chatResult('{"sky":"grey"}'),
    'anthropic-messages': messagesResult('{"sky":"grey"}'),
    'openai-responses': responsesResult('{"sky":"grey"}'),
    gemini: geminiResult({ sky: 'grey' }),
  },
  sent: {
    chat: { messages: [{}, {}, { content: '{"sky":"grey"}' }] },
    messages: { messages: [{}, {}, { content: [{ content: '{"sky":"grey"}' }] }] },
    responses: { input: [{}, {}, { output: '{"sky":"grey"}' }] },
    gemini: { contents: [{}, {}, { parts: [{ functionResponse: { response: { sky: 'grey' } } }] }] },
    bedrock: {},
    cohere: { messages: [{}, {}, { content: '{"sky":"grey"}' }] },
    ollama: { messages: [{}, {}, { content: '{"sky":"grey"}' }] },
  },
}

const named: RequestFeature = {
  name: 'the name of a speaker',
  asked: { 'openai-chat': { messages: [{ role: 'user', name: 'ann', content: ASK }] } },
  sent: () => ({}),
  lost: () => ['messages.name'],
}

const refusals: RequestFeature = {
  name: 'a refusal of an earlier turn',
  asked: {
    'openai-chat': {
      messages: [
        { role: 'user', content: ASK },
        { role: 'assistant', content: null, refusal: 'No.' },
        { role: 'user', content: 'Why?' },
      ],
    },
    'openai-responses': {
      input: [
        { role: 'user', content: ASK },
        { type: 'message', role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
        { role: 'user', content: 'Why?' },
      ],
    },
  },
  sent: {
    chat: { messages: [{}, { role: 'assistant', refusal: 'No.' }, {}] },
    messages: { messages: [{}, { role: 'assistant', content: 'No.' }, {}] },
    responses: { input: [{}, { content: [{ type: 'refusal', refusal: 'No.' }] }, {}] },
    gemini: { contents: [{}, { role: 'model', parts: [{ text: 'No.' }] }, {}] },
    bedrock: { messages: [{}, { role: 'assistant', content: [{ text: 'No.' }] }, {}] },
    cohere: { messages: [{}, { role: 'assistant', content: 'No.' }, {}] },
    ollama: { messages: [{}, { role: 'assistant', content: 'No.' }, {}] },
  },
}

const freeCalls: RequestFeature = {
  name: 'a call in free text of an earlier turn',
  asked: {
    'openai-chat': {
      messages: [
        { role: 'user', content: ASK },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'call_1', type: 'custom', custom: { name: 'shell', input: 'ls -l' } }],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'total 0' },
      ],
    },
    'openai-responses': {
      input: [
        { role: 'user', content: ASK },
        { type: 'custom_tool_call', call_id: 'call_1', name: 'shell', input: 'ls -l' },
        { type: 'custom_tool_call_output', call_id: 'call_1', output: 'total 0' },
      ],
    },
  },
  sent: {
    chat: { messages: [{}, { tool_calls: [{ custom: { name: 'shell', input: 'ls -l' } }] }, {}] },
    messages: { messages: [{}, { content: [{ name: 'shell', input: { input: 'ls -l' } }] }, {}] },
    responses: {
      input: [
        {},
        { type: 'custom_tool_call', name: 'shell', input: 'ls -l' },
        { type: 'custom_tool_call_output', output: 'total 0' },
      ],
    },
    gemini: {
      contents: [{}, { parts: [{ functionCall: { name: 'shell', args: { input: 'ls -l' } } }] }, {}],
    },
    bedrock: { messages: [{}, { content: [{ toolUse: { input: { input: 'ls -l' } } }] }, {}] },
    cohere: { messages: [{}, { tool_calls: [{ function: { name: 'shell' } }] }, {}] },
    ollama: { messages: [{}, { tool_calls: [{ function: { arguments: { input: 'ls -l' } } }] }, {}] },
  },
  lost: (_client, target) =>
    target === 'chat' || target === 'responses' ? [] : ['messages.custom_tool_call'],
}

describe('of an earlier turn', () => {
  testRequests([severalTexts, nothing, pictures, pages, json, named, refusals, freeCalls], () => stage)
})
