/** Tools that a client offers, and how the model may choose among them: in the words of every target, or named as lost. */

import { afterAll, beforeAll, describe } from 'vitest'
import type { ClientDialect } from '../support/client-answer.ts'
import { type RequestFeature, testRequests } from '../support/pair-features.ts'
import { openPairStage, type PairStage } from '../support/pair-stage.ts'

let stage: PairStage
beforeAll(async () => {
  stage = await openPairStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

const SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const ABOUT = { name: 'weather', description: 'Tells the weather.' }

/** The tool in every client's own words. */
const offered = {
  'openai-chat': { tools: [{ type: 'function', function: { ...ABOUT, parameters: SCHEMA } }] },
  'anthropic-messages': { tools: [{ ...ABOUT, input_schema: SCHEMA }] },
  'openai-responses': { tools: [{ type: 'function', ...ABOUT, parameters: SCHEMA, strict: false }] },
  gemini: { tools: [{ functionDeclarations: [{ ...ABOUT, parametersJsonSchema: SCHEMA }] }] },
} as const

/** And in every target's. */
const told = {
  chat: { tools: [{ type: 'function', function: { ...ABOUT, parameters: SCHEMA } }] },
  messages: { tools: [{ ...ABOUT, input_schema: SCHEMA }] },
  responses: { tools: [{ type: 'function', ...ABOUT, parameters: SCHEMA, strict: false }] },
  gemini: { tools: [{ functionDeclarations: [{ ...ABOUT, parametersJsonSchema: SCHEMA }] }] },
  bedrock: { toolConfig: { tools: [{ toolSpec: { ...ABOUT, inputSchema: { json: SCHEMA } } }] } },
  cohere: { tools: [{ type: 'function', function: { ...ABOUT, parameters: SCHEMA } }] },
  ollama: { tools: [{ type: 'function', function: { ...ABOUT, parameters: SCHEMA } }] },
} as const

function with_(extras: Partial<Record<ClientDialect, object>>): RequestFeature['asked'] {
  return Object.fromEntries(
    Object.entries(extras).map(([client, extra]) => [
      client,
      { ...offered[client as ClientDialect], ...extra },
    ]),
  )
}

const tools: RequestFeature = {
  name: 'a tool',
  asked: with_({ 'openai-chat': {}, 'anthropic-messages': {}, 'openai-responses': {}, gemini: {} }),
  sent: told,
}

const googlesSchema: RequestFeature = {
  name: "a tool whose parameters are in Google's own form of a schema",
  asked: {
    gemini: {
      tools: [
        {
          functionDeclarations: [
            {
              ...ABOUT,
              parameters: { type: 'OBJECT', properties: { city: { type: 'STRING' } }, required: ['city'] },
            },
          ],
        },
      ],
    },
  },
  sent: told,
}

const bare: RequestFeature = {
  name: 'a tool without parameters',
  asked: {
    'openai-chat': { tools: [{ type: 'function', function: ABOUT }] },
    'anthropic-messages': { tools: [{ ...ABOUT, input_schema: { type: 'object' } }] },
    'openai-responses': { tools: [{ type: 'function', ...ABOUT, strict: false }] },
    gemini: { tools: [{ functionDeclarations: [ABOUT] }] },
  },
  sent: {
    chat: { tools: [{ type: 'function', function: ABOUT }] },
    messages: { tools: [{ ...ABOUT, input_schema: { type: 'object' } }] },
    responses: { tools: [{ type: 'function', ...ABOUT, parameters: { type: 'object' }, strict: false }] },
    gemini: { tools: [{ functionDeclarations: [ABOUT] }] },
    bedrock: {
      toolConfig: { tools: [{ toolSpec: { ...ABOUT, inputSchema: { json: { type: 'object' } } } }] },
    },
    cohere: { tools: [{ type: 'function', function: ABOUT }] },
    ollama: { tools: [{ type: 'function', function: ABOUT }] },
  },
}

const strictTools: RequestFeature = {
  name: 'a tool whose schema binds the model',
  asked: {
    'openai-chat': {
      tools: [{ type: 'function', function: { ...ABOUT, parameters: SCHEMA, strict: true } }],
    },
    'anthropic-messages': { tools: [{ ...ABOUT, input_schema: SCHEMA, strict: true }] },
    'openai-responses': { tools: [{ type: 'function', ...ABOUT, parameters: SCHEMA, strict: true }] },
  },
  sent: {
    ...told,
    chat: { tools: [{ function: { ...ABOUT, strict: true } }] },
    messages: { tools: [{ ...ABOUT, strict: true }] },
    responses: { tools: [{ ...ABOUT, strict: true }] },
    bedrock: { toolConfig: { tools: [{ toolSpec: { ...ABOUT, strict: true } }] } },
    cohere: { ...told.cohere, strict_tools: true },
  },
  lost: { gemini: ['tools.strict'], ollama: ['tools.strict'] },
}

const mustCall: RequestFeature = {
  name: 'that some tool be called',
  asked: with_({
    'openai-chat': { tool_choice: 'required' },
    'anthropic-messages': { tool_choice: { type: 'any' } },
    'openai-responses': { tool_choice: 'required' },
    gemini: { toolConfig: { functionCallingConfig: { mode: 'ANY' } } },
  }),
  sent: {
    chat: { ...told.chat, tool_choice: 'required' },
    messages: { ...told.messages, tool_choice: { type: 'any' } },
    responses: { ...told.responses, tool_choice: 'required' },
    gemini: { ...told.gemini, toolConfig: { functionCallingConfig: { mode: 'ANY' } } },
    bedrock: { toolConfig: { ...told.bedrock.toolConfig, toolChoice: { any: {} } } },
    cohere: { ...told.cohere, tool_choice: 'REQUIRED' },
    ollama: told.ollama,
  },
  lost: { ollama: ['tool_choice'] },
}

const mustCallThis: RequestFeature = {
  name: 'that this tool be called',
  asked: with_({
    'openai-chat': { tool_choice: { type: 'function', function: { name: 'weather' } } },
    'anthropic-messages': { tool_choice: { type: 'tool', name: 'weather' } },
    'openai-responses': { tool_choice: { type: 'function', name: 'weather' } },
    gemini: { toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['weather'] } } },
  }),
  sent: {
    chat: { ...told.chat, tool_choice: { type: 'function', function: { name: 'weather' } } },
    messages: { ...told.messages, tool_choice: { type: 'tool', name: 'weather' } },
    responses: { ...told.responses, tool_choice: { type: 'function', name: 'weather' } },
    gemini: {
      ...told.gemini,
      toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['weather'] } },
    },
    bedrock: { toolConfig: { ...told.bedrock.toolConfig, toolChoice: { tool: { name: 'weather' } } } },
    cohere: { ...told.cohere, tool_choice: 'REQUIRED' },
    ollama: told.ollama,
  },
  lost: { ollama: ['tool_choice'] },
}

const mayNotCall: RequestFeature = {
  name: 'that no tool be called',
  asked: with_({
    'openai-chat': { tool_choice: 'none' },
    'anthropic-messages': { tool_choice: { type: 'none' } },
    'openai-responses': { tool_choice: 'none' },
    gemini: { toolConfig: { functionCallingConfig: { mode: 'NONE' } } },
  }),
  sent: {
    chat: { ...told.chat, tool_choice: 'none' },
    messages: { ...told.messages, tool_choice: { type: 'none' } },
    responses: { ...told.responses, tool_choice: 'none' },
    gemini: { ...told.gemini, toolConfig: { functionCallingConfig: { mode: 'NONE' } } },
    bedrock: {},
    cohere: { ...told.cohere, tool_choice: 'NONE' },
    ollama: {},
  },
}

const oneAtATime: RequestFeature = {
  name: 'that tools be called one at a time',
  asked: with_({
    'openai-chat': { parallel_tool_calls: false },
    'anthropic-messages': { tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
    'openai-responses': { parallel_tool_calls: false },
  }),
  sent: {
    ...told,
    chat: { ...told.chat, parallel_tool_calls: false },
    messages: { ...told.messages, tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
    responses: { ...told.responses, parallel_tool_calls: false },
  },
  lost: {
    gemini: ['parallel_tool_calls'],
    bedrock: ['parallel_tool_calls'],
    cohere: ['parallel_tool_calls'],
    ollama: ['parallel_tool_calls'],
  },
}

const foreignTools: RequestFeature = {
  name: 'a tool that only its provider can run',
  asked: {
    'openai-chat': {
      tools: [...offered['openai-chat'].tools, { type: 'custom', custom: { name: 'shell' } }],
    },
    'anthropic-messages': {
      tools: [...offered['anthropic-messages'].tools, { type: 'web_search_20250305', name: 'web_search' }],
    },
    'openai-responses': { tools: [...offered['openai-responses'].tools, { type: 'web_search' }] },
    gemini: { tools: [...offered.gemini.tools, { googleSearch: {} }] },
  },
  sent: told,
  lost: (client) => {
    const name = {
      'openai-chat': 'shell',
      'anthropic-messages': 'web_search',
      'openai-responses': 'web_search',
      gemini: 'googleSearch',
    }[client]
    return [`tools.${name}`]
  },
}

describe('of tools', () => {
  testRequests(
    [tools, googlesSchema, bare, strictTools, mustCall, mustCallThis, mayNotCall, oneAtATime, foreignTools],
    () => stage,
  )
})
