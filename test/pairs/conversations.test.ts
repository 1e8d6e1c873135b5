/** Whole conversations of every client, as every target wants them told: who says what, calls of tools and their results. */

import { afterAll, beforeAll, describe } from 'vitest'
import { type RequestFeature, testRequests } from '../support/pair-features.ts'
import { openPairStage, type PairStage } from '../support/pair-stage.ts'

let stage: PairStage
beforeAll(async () => {
  stage = await openPairStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

const BRIEF = 'Be brief.'
const CHANGE = 'Now in Norwegian.'
const TAGGED = `<system>\n${CHANGE}\n</system>`

const instructions: RequestFeature = {
  name: 'instructions at the beginning and on the way',
  asked: {
    'openai-chat': {
      messages: [
        { role: 'system', content: BRIEF },
        { role: 'user', content: 'Hello.' },
        { role: 'assistant', content: 'Hello!' },
        { role: 'system', content: CHANGE },
        { role: 'user', content: 'Rain?' },
      ],
    },
    'anthropic-messages': {
      system: [{ type: 'text', text: BRIEF }],
      messages: [
        { role: 'user', content: 'Hello.' },
        { role: 'assistant', content: 'Hello!' },
        { role: 'system', content: CHANGE },
        { role: 'user', content: 'Rain?' },
      ],
    },
    'openai-responses': {
      instructions: BRIEF,
      input: [
        { role: 'user', content: 'Hello.' },
        { role: 'assistant', content: 'Hello!' },
        { role: 'system', content: CHANGE },
        { role: 'user', content: 'Rain?' },
      ],
    },
  },
  sent: {
    chat: {
      messages: [
        { role: 'system', content: BRIEF },
        { role: 'user', content: 'Hello.' },
        { role: 'assistant', content: 'Hello!' },
        { role: 'system', content: CHANGE },
        { role: 'user', content: 'Rain?' },
      ],
    },
    messages: {
      system: BRIEF,
      messages: [
        { role: 'user', content: 'Hello.' },
        { role: 'assistant', content: 'Hello!' },
        { role: 'user', content: [{ text: TAGGED }, { text: 'Rain?' }] },
      ],
    },
    responses: {
      instructions: BRIEF,
      input: [
        { role: 'user', content: 'Hello.' },
        { role: 'assistant', content: [{ type: 'output_text', text: 'Hello!' }] },
        { role: 'system', content: CHANGE },
        { role: 'user', content: 'Rain?' },
      ],
    },
    gemini: {
      systemInstruction: { parts: [{ text: BRIEF }] },
      contents: [
        { role: 'user', parts: [{ text: 'Hello.' }] },
        { role: 'model', parts: [{ text: 'Hello!' }] },
        { role: 'user', parts: [{ text: TAGGED }, { text: 'Rain?' }] },
      ],
    },
    bedrock: {
      system: [{ text: BRIEF }],
      messages: [
        { role: 'user', content: [{ text: 'Hello.' }] },
        { role: 'assistant', content: [{ text: 'Hello!' }] },
        { role: 'user', content: [{ text: TAGGED }, { text: 'Rain?' }] },
      ],
    },
    cohere: {
      messages: [{ role: 'system', content: BRIEF }, {}, {}, { role: 'system', content: CHANGE }, {}],
    },
    ollama: {
      messages: [{ role: 'system', content: BRIEF }, {}, {}, { role: 'system', content: CHANGE }, {}],
    },
  },
}

const developers: RequestFeature = {
  name: 'instructions of a developer',
  asked: {
    'openai-chat': {
      messages: [
        { role: 'developer', content: BRIEF },
        { role: 'user', content: 'Rain?' },
      ],
    },
    'openai-responses': {
      input: [
        { role: 'developer', content: [{ type: 'input_text', text: BRIEF }] },
        { role: 'user', content: 'Rain?' },
      ],
    },
  },
  sent: {
    chat: { messages: [{ role: 'developer', content: BRIEF }, {}] },
    messages: { system: BRIEF, messages: [{ role: 'user', content: 'Rain?' }] },
    responses: { input: [{ role: 'developer', content: BRIEF }, {}] },
    gemini: { systemInstruction: { parts: [{ text: BRIEF }] } },
    bedrock: { system: [{ text: BRIEF }] },
    cohere: { messages: [{ role: 'system', content: BRIEF }, {}] },
    ollama: { messages: [{ role: 'system', content: BRIEF }, {}] },
  },
}

const SHOT = Buffer.from('a picture of the sky').toString('base64')
const SHOT_URL = `data:image/png;base64,${SHOT}`
const TOOL = {
  chat: { type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } },
  messages: { name: 'look', input_schema: { type: 'object', properties: {} } },
  responses: {
    type: 'function',
    name: 'look',
    parameters: { type: 'object', properties: {} },
    strict: false,
  },
  gemini: { functionDeclarations: [{ name: 'look', parameters: { type: 'OBJECT', properties: {} } }] },
}

/** Two calls at once, of which the first answers in words and the second fails. */
const parallelCalls: RequestFeature = {
  name: 'two calls at once, one of which failed',
  asked: {
    'openai-chat': {
      tools: [TOOL.chat],
      messages: [
        { role: 'user', content: 'Look.' },
        {
          role: 'assistant',
          content: 'I look.',
          tool_calls: [
            { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"at":"sky"}' } },
            { id: 'call_2', type: 'function', function: { name: 'look', arguments: '{"at":"sea"}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'Grey.' },
        { role: 'tool', tool_call_id: 'call_2', content: 'Error: Fog.' },
        { role: 'user', content: 'So?' },
      ],
    },
    'anthropic-messages': {
      tools: [TOOL.messages],
      messages: [
        { role: 'user', content: 'Look.' },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'I look.' },
            { type: 'tool_use', id: 'call_1', name: 'look', input: { at: 'sky' } },
            { type: 'tool_use', id: 'call_2', name: 'look', input: { at: 'sea' } },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'call_1', content: 'Grey.' },
            { type: 'tool_result', tool_use_id: 'call_2', content: 'Fog.', is_error: true },
            { type: 'text', text: 'So?' },
          ],
        },
      ],
    },
    'openai-responses': {
      tools: [TOOL.responses],
      input: [
        { role: 'user', content: 'Look.' },
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I look.' }] },
        { type: 'function_call', call_id: 'call_1', name: 'look', arguments: '{"at":"sky"}' },
        { type: 'function_call', call_id: 'call_2', name: 'look', arguments: '{"at":"sea"}' },
        { type: 'function_call_output', call_id: 'call_1', output: 'Grey.' },
        { type: 'function_call_output', call_id: 'call_2', output: 'Error: Fog.' },
        { role: 'user', content: 'So?' },
      ],
    },
    gemini: {
      tools: [TOOL.gemini],
      contents: [
        { role: 'user', parts: [{ text: 'Look.' }] },
        {
          role: 'model',
          parts: [
            { text: 'I look.' },
            { functionCall: { id: 'call_1', name: 'look', args: { at: 'sky' } } },
            { functionCall: { id: 'call_2', name: 'look', args: { at: 'sea' } } },
          ],
        },
        {
          role: 'user',
          parts: [
            { functionResponse: { id: 'call_1', name: 'look', response: { output: 'Grey.' } } },
            { functionResponse: { id: 'call_2', name: 'look', response: { error: 'Fog.' } } },
            { text: 'So?' },
          ],
        },
      ],
    },
  },
  sent: (client, target) => {
    const hasMark = client === 'anthropic-messages' || client === 'gemini'
    const failed = hasMark ? 'Fog.' : 'Error: Fog.'
    const call = (id: string, at: string) => ({
      id,
      function: { name: 'look', arguments: `{"at":"${at}"}` },
    })
    switch (target) {
      case 'chat':
        return {
          messages: [
            { role: 'user', content: 'Look.' },
            {
              role: 'assistant',
              content: 'I look.',
              tool_calls: [call('call_1', 'sky'), call('call_2', 'sea')],
            },
            { role: 'tool', tool_call_id: 'call_1', content: 'Grey.' },
            { role: 'tool', tool_call_id: 'call_2', content: 'Error: Fog.' },
            { role: 'user', content: 'So?' },
          ],
        }
      case 'messages':
        return {
          messages: [
            { role: 'user', content: 'Look.' },
            {
              role: 'assistant',
              content: [
                { type: 'text', text: 'I look.' },
                { type: 'tool_use', id: 'call_1', name: 'look', input: { at: 'sky' } },
                { type: 'tool_use', id: 'call_2', name: 'look', input: { at: 'sea' } },
              ],
            },
            {
              role: 'user',
              content: [
                { type: 'tool_result', tool_use_id: 'call_1', content: 'Grey.' },
                {
                  type: 'tool_result',
                  tool_use_id: 'call_2',
                  content: failed,
                  ...(hasMark ? { is_error: true } : {}),
                },
                { type: 'text', text: 'So?' },
              ],
            },
          ],
        }
      case 'responses':
        return {
          input: [
            { role: 'user' },
            { role: 'assistant', content: [{ text: 'I look.' }] },
            { type: 'function_call', call_id: 'call_1', name: 'look', arguments: '{"at":"sky"}' },
            { type: 'function_call', call_id: 'call_2', name: 'look', arguments: '{"at":"sea"}' },
            { type: 'function_call_output', call_id: 'call_1', output: 'Grey.' },
            { type: 'function_call_output', call_id: 'call_2', output: 'Error: Fog.' },
            { role: 'user', content: 'So?' },
          ],
        }
      case 'gemini':
        return {
          contents: [
            { role: 'user' },
            {
              role: 'model',
              parts: [
                { text: 'I look.' },
                { functionCall: { name: 'look', args: { at: 'sky' } } },
                { functionCall: { name: 'look', args: { at: 'sea' } } },
              ],
            },
            {
              role: 'user',
              parts: [
                { functionResponse: { name: 'look', response: { output: 'Grey.' } } },
                { functionResponse: { response: hasMark ? { error: 'Fog.' } : { output: failed } } },
                { text: 'So?' },
              ],
            },
          ],
        }
      case 'bedrock':
        return {
          messages: [
            {},
            {
              content: [
                { text: 'I look.' },
                { toolUse: { toolUseId: 'call_1', input: { at: 'sky' } } },
                { toolUse: { toolUseId: 'call_2', input: { at: 'sea' } } },
              ],
            },
            {
              content: [
                { toolResult: { toolUseId: 'call_1', content: [{ text: 'Grey.' }] } },
                { toolResult: { content: [{ text: failed }], ...(hasMark ? { status: 'error' } : {}) } },
                { text: 'So?' },
              ],
            },
          ],
        }
      case 'cohere':
        return {
          messages: [
            {},
            { tool_calls: [call('call_1', 'sky'), call('call_2', 'sea')] },
            { role: 'tool', tool_call_id: 'call_1', content: 'Grey.' },
            { role: 'tool', tool_call_id: 'call_2', content: 'Error: Fog.' },
            { role: 'user' },
          ],
        }
      case 'ollama':
        return {
          messages: [
            {},
            { tool_calls: [{ function: { arguments: { at: 'sky' } } }, { function: { name: 'look' } }] },
            { role: 'tool', tool_name: 'look', content: 'Grey.' },
            { role: 'tool', tool_name: 'look', content: 'Error: Fog.' },
            { role: 'user' },
          ],
        }
    }
  },
}

/** A result of words and a picture, of a call that failed in the end. */
const shownResults: RequestFeature = {
  name: 'a result of words and a picture, of a call that failed',
  asked: {
    'anthropic-messages': {
      tools: [TOOL.messages],
      messages: [
        { role: 'user', content: 'Look.' },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'call_1', name: 'look', input: {} }] },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: 'call_1',
              is_error: true,
              content: [
                { type: 'text', text: 'Half of it:' },
                { type: 'image', source: { type: 'base64', media_type: 'image/png', data: SHOT } },
              ],
            },
          ],
        },
      ],
    },
  },
  sent: {
    chat: {
      messages: [
        {},
        {},
        { role: 'tool', content: 'Error: Half of it:' },
        { role: 'user', content: [{ type: 'text' }, { type: 'image_url', image_url: { url: SHOT_URL } }] },
      ],
    },
    messages: {},
    responses: {
      input: [
        {},
        {},
        {
          type: 'function_call_output',
          output: [
            { type: 'input_text', text: 'Error: Half of it:' },
            { type: 'input_image', image_url: SHOT_URL },
          ],
        },
      ],
    },
    gemini: {
      contents: [
        {},
        {},
        {
          parts: [
            { functionResponse: { response: { error: 'Half of it:' } } },
            { inlineData: { mimeType: 'image/png', data: SHOT } },
          ],
        },
      ],
    },
    bedrock: {
      messages: [
        {},
        {},
        {
          content: [
            {
              toolResult: {
                status: 'error',
                content: [{ text: 'Half of it:' }, { image: { format: 'png', source: { bytes: SHOT } } }],
              },
            },
          ],
        },
      ],
    },
    cohere: { messages: [{}, {}, { role: 'tool' }] },
    ollama: { messages: [{}, {}, { role: 'tool', content: 'Error: Half of it:', images: [SHOT] }] },
  },
  lost: { cohere: ['messages.image'] },
}

describe('of a conversation', () => {
  testRequests([instructions, developers, parallelCalls, shownResults], () => stage)
})
