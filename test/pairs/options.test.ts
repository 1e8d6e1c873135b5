/** How an answer is wanted: its form, its length, its spread, how much is thought about it; in the words of every target. */

import { afterAll, beforeAll, describe } from 'vitest'
import { type RequestFeature, testRequests } from '../support/pair-features.ts'
import { openPairStage, type PairStage } from '../support/pair-stage.ts'

let stage: PairStage
beforeAll(async () => {
  stage = await openPairStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

const SCHEMA = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
}

const schema: RequestFeature = {
  name: 'an answer by a schema',
  asked: {
    'openai-chat': {
      response_format: { type: 'json_schema', json_schema: { name: 'place', schema: SCHEMA, strict: true } },
    },
    'anthropic-messages': { output_config: { format: { type: 'json_schema', schema: SCHEMA } } },
    'openai-responses': {
      text: { format: { type: 'json_schema', name: 'place', schema: SCHEMA, strict: true } },
    },
    gemini: { generationConfig: { responseMimeType: 'application/json', responseJsonSchema: SCHEMA } },
  },
  sent: (client, target) => {
    const isOpenais = client.startsWith('openai-')
    const named = { name: isOpenais ? 'place' : 'answer', ...(isOpenais ? { strict: true } : {}) }
    switch (target) {
      case 'chat':
        return { response_format: { type: 'json_schema', json_schema: { ...named, schema: SCHEMA } } }
      case 'messages':
        return { output_config: { format: { type: 'json_schema', schema: SCHEMA } } }
      case 'responses':
        return { text: { format: { type: 'json_schema', ...named, schema: SCHEMA } } }
      case 'gemini':
        return { generationConfig: { responseMimeType: 'application/json', responseJsonSchema: SCHEMA } }
      case 'bedrock':
        return { outputConfig: { textFormat: { type: 'json_schema' } } }
      case 'cohere':
        return { response_format: { type: 'json_object', json_schema: SCHEMA } }
      case 'ollama':
        return { format: SCHEMA }
    }
  },
}

const googlesSchema: RequestFeature = {
  name: "an answer by Google's own form of a schema",
  asked: {
    gemini: {
      generationConfig: {
        responseMimeType: 'application/json',
        responseSchema: {
          type: 'OBJECT',
          properties: { city: { type: 'STRING', nullable: true } },
          required: ['city'],
        },
      },
    },
  },
  sent: (_client, target) => {
    const wanted = { type: 'object', properties: { city: { type: ['string', 'null'] } }, required: ['city'] }
    switch (target) {
      case 'chat':
        return { response_format: { type: 'json_schema', json_schema: { schema: wanted } } }
      case 'messages':
        return { output_config: { format: { schema: wanted } } }
      case 'responses':
        return { text: { format: { type: 'json_schema', schema: wanted } } }
      case 'cohere':
        return { response_format: { json_schema: wanted } }
      case 'ollama':
        return { format: wanted }
      default:
        return {}
    }
  },
}

const aboutSchema: RequestFeature = {
  name: 'what the schema of an answer is for',
  asked: {
    'openai-chat': {
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'place', description: 'Where it rains.', schema: SCHEMA },
      },
    },
    'openai-responses': {
      text: {
        format: { type: 'json_schema', name: 'place', description: 'Where it rains.', schema: SCHEMA },
      },
    },
  },
  sent: {
    chat: { response_format: { json_schema: { description: 'Where it rains.' } } },
    messages: { output_config: { format: { schema: { description: 'Where it rains.' } } } },
    responses: { text: { format: { description: 'Where it rains.' } } },
    gemini: { generationConfig: { responseJsonSchema: { description: 'Where it rains.' } } },
    bedrock: {
      outputConfig: { textFormat: { structure: { jsonSchema: { description: 'Where it rains.' } } } },
    },
    cohere: { response_format: { json_schema: { description: 'Where it rains.' } } },
    ollama: { format: { description: 'Where it rains.' } },
  },
}

const jsonMode: RequestFeature = {
  name: 'an answer in JSON of any form',
  asked: {
    'openai-chat': { response_format: { type: 'json_object' } },
    'openai-responses': { text: { format: { type: 'json_object' } } },
    gemini: { generationConfig: { responseMimeType: 'application/json' } },
  },
  sent: {
    chat: { response_format: { type: 'json_object' } },
    messages: {},
    responses: { text: { format: { type: 'json_object' } } },
    gemini: { generationConfig: { responseMimeType: 'application/json' } },
    bedrock: {},
    cohere: { response_format: { type: 'json_object' } },
    ollama: { format: 'json' },
  },
  lost: { messages: ['response_format'], bedrock: ['response_format'] },
}

const sampling: RequestFeature = {
  name: 'temperature, top_p and a ceiling',
  asked: {
    'openai-chat': { temperature: 0.5, top_p: 0.9 },
    'anthropic-messages': { temperature: 0.5, top_p: 0.9 },
    'openai-responses': { temperature: 0.5, top_p: 0.9 },
    gemini: { generationConfig: { temperature: 0.5, topP: 0.9 } },
  },
  sent: {
    chat: { temperature: 0.5, top_p: 0.9, max_tokens: 512 },
    messages: { temperature: 0.5, top_p: 0.9, max_tokens: 512 },
    responses: { temperature: 0.5, top_p: 0.9, max_output_tokens: 512 },
    gemini: { generationConfig: { temperature: 0.5, topP: 0.9, maxOutputTokens: 512 } },
    bedrock: { inferenceConfig: { temperature: 0.5, topP: 0.9, maxTokens: 512 } },
    cohere: { temperature: 0.5, p: 0.9, max_tokens: 512 },
    ollama: { options: { temperature: 0.5, top_p: 0.9, num_predict: 512 } },
  },
}

const zero: RequestFeature = {
  name: 'a temperature of zero',
  asked: {
    'openai-chat': { temperature: 0 },
    'anthropic-messages': { temperature: 0 },
    'openai-responses': { temperature: 0 },
    gemini: { generationConfig: { temperature: 0 } },
  },
  sent: {
    chat: { temperature: 0 },
    messages: { temperature: 0 },
    responses: { temperature: 0 },
    gemini: { generationConfig: { temperature: 0 } },
    bedrock: { inferenceConfig: { temperature: 0 } },
    cohere: { temperature: 0 },
    ollama: { options: { temperature: 0 } },
  },
}

const stops: RequestFeature = {
  name: 'where to stop',
  asked: {
    'openai-chat': { stop: ['END', 'STOP'] },
    'anthropic-messages': { stop_sequences: ['END', 'STOP'] },
    gemini: { generationConfig: { stopSequences: ['END', 'STOP'] } },
  },
  sent: {
    chat: { stop: ['END', 'STOP'] },
    messages: { stop_sequences: ['END', 'STOP'] },
    responses: {},
    gemini: { generationConfig: { stopSequences: ['END', 'STOP'] } },
    bedrock: { inferenceConfig: { stopSequences: ['END', 'STOP'] } },
    cohere: { stop_sequences: ['END', 'STOP'] },
    ollama: { options: { stop: ['END', 'STOP'] } },
  },
  lost: { responses: ['stop'] },
}

const topK: RequestFeature = {
  name: 'among how many words to choose',
  asked: {
    'anthropic-messages': { top_k: 40 },
    gemini: { generationConfig: { topK: 40 } },
  },
  sent: {
    chat: {},
    messages: { top_k: 40 },
    responses: {},
    gemini: { generationConfig: { topK: 40 } },
    bedrock: {},
    cohere: { k: 40 },
    ollama: { options: { top_k: 40 } },
  },
  lost: { chat: ['top_k'], responses: ['top_k'], bedrock: ['top_k'] },
}

const penalties: RequestFeature = {
  name: 'a seed and penalties',
  asked: {
    'openai-chat': { seed: 7, presence_penalty: 0.5, frequency_penalty: 0.25 },
    gemini: { generationConfig: { seed: 7, presencePenalty: 0.5, frequencyPenalty: 0.25 } },
  },
  sent: {
    chat: { seed: 7, presence_penalty: 0.5, frequency_penalty: 0.25 },
    messages: {},
    responses: {},
    gemini: { generationConfig: { seed: 7, presencePenalty: 0.5, frequencyPenalty: 0.25 } },
    bedrock: {},
    cohere: { seed: 7, presence_penalty: 0.5, frequency_penalty: 0.25 },
    ollama: { options: { seed: 7, presence_penalty: 0.5, frequency_penalty: 0.25 } },
  },
  lost: {
    messages: ['frequency_penalty', 'presence_penalty', 'seed'],
    responses: ['frequency_penalty', 'presence_penalty', 'seed'],
    bedrock: ['frequency_penalty', 'presence_penalty', 'seed'],
  },
}

const several: RequestFeature = {
  name: 'several answers',
  asked: {
    'openai-chat': { n: 2 },
    gemini: { generationConfig: { candidateCount: 2 } },
  },
  sent: {
    chat: { n: 2 },
    messages: {},
    responses: {},
    gemini: { generationConfig: { candidateCount: 2 } },
    bedrock: {},
    cohere: {},
    ollama: {},
  },
  lost: { messages: ['n'], responses: ['n'], bedrock: ['n'], cohere: ['n'], ollama: ['n'] },
}

const logprobs: RequestFeature = {
  name: 'how probable each word was',
  asked: {
    'openai-chat': { logprobs: true, top_logprobs: 3 },
    'openai-responses': { top_logprobs: 3, include: ['message.output_text.logprobs'] },
    gemini: { generationConfig: { responseLogprobs: true, logprobs: 3 } },
  },
  sent: {
    chat: { logprobs: true, top_logprobs: 3 },
    messages: {},
    responses: { top_logprobs: 3, include: ['message.output_text.logprobs'] },
    gemini: { generationConfig: { responseLogprobs: true, logprobs: 3 } },
    bedrock: {},
    cohere: { logprobs: true },
    ollama: { logprobs: true, top_logprobs: 3 },
  },
  lost: { messages: ['logprobs'], bedrock: ['logprobs'], cohere: ['top_logprobs'] },
}

const users: RequestFeature = {
  name: 'for whom it is',
  asked: {
    'openai-chat': { user: 'user-7' },
    'anthropic-messages': { metadata: { user_id: 'user-7' } },
    'openai-responses': { user: 'user-7' },
  },
  sent: {
    chat: { user: 'user-7' },
    messages: { metadata: { user_id: 'user-7' } },
    responses: { user: 'user-7' },
    gemini: {},
    bedrock: {},
    cohere: {},
    ollama: {},
  },
  lost: { gemini: ['user'], bedrock: ['user'], cohere: ['user'], ollama: ['user'] },
}

const notes: RequestFeature = {
  name: 'notes of the client',
  asked: {
    'openai-chat': { metadata: { ticket: '42' } },
    'openai-responses': { metadata: { ticket: '42' } },
  },
  sent: (_client, target) => (target === 'bedrock' ? { requestMetadata: { ticket: '42' } } : {}),
  lost: (_client, target) => (target === 'bedrock' ? [] : ['metadata']),
}

const effort: RequestFeature = {
  name: 'how hard to think, by a word',
  mode: 'fold',
  asked: {
    'openai-chat': { reasoning_effort: 'low' },
    'openai-responses': { reasoning: { effort: 'low' } },
  },
  sent: (_client, target) => {
    if (target === 'chat') return { reasoning_effort: 'low' }
    if (target === 'responses') return { reasoning: { effort: 'low' } }
    if (target === 'ollama') return { think: 'low' }
    if (target === 'gemini') return { generationConfig: { thinkingConfig: { thinkingBudget: 1_024 } } }
    if (target === 'messages') return { thinking: { type: 'enabled' } }
    return {}
  },
  // The model at Bedrock is no Claude as far as its name goes.
  lost: { bedrock: ['reasoning'] },
}

const verbosity: RequestFeature = {
  name: 'how much to say',
  asked: {
    'openai-chat': { verbosity: 'low' },
    'openai-responses': { text: { verbosity: 'low' } },
  },
  sent: (_client, target) => {
    if (target === 'chat') return { verbosity: 'low' }
    return target === 'responses' ? { text: { verbosity: 'low' } } : {}
  },
  lost: (client, target) => {
    if (target === 'chat' || target === 'responses') return []
    return [client === 'openai-chat' ? 'verbosity' : 'text']
  },
}

const unthinking: RequestFeature = {
  name: 'that nothing be thought',
  asked: {
    'openai-chat': { reasoning_effort: 'none' },
    'anthropic-messages': { thinking: { type: 'disabled' } },
    'openai-responses': { reasoning: { effort: 'none' } },
    gemini: { generationConfig: { thinkingConfig: { thinkingBudget: 0 } } },
  },
  sent: (client, target) => {
    if (target === 'messages') return { thinking: { type: 'disabled' } }
    if (target === 'gemini') return { generationConfig: { thinkingConfig: { thinkingBudget: 0 } } }
    if (target === 'cohere') return { thinking: { type: 'disabled' } }
    if (target === 'ollama') return { think: false }
    return target === 'responses' && client === 'openai-chat' ? { reasoning: { effort: 'none' } } : {}
  },
  // Servers of OpenAI's dialects refuse the word for models that do not think.
  lost: (client, target) => {
    if (target === 'chat') return ['thinking']
    return target === 'responses' && client !== 'openai-chat' ? ['thinking'] : []
  },
}

const budget: RequestFeature = {
  name: 'how hard to think, by a budget',
  mode: 'fold',
  asked: {
    'anthropic-messages': { thinking: { type: 'enabled', budget_tokens: 2_048 }, max_tokens: 4_096 },
    gemini: { generationConfig: { thinkingConfig: { thinkingBudget: 2_048, includeThoughts: true } } },
  },
  sent: (_client, target) => {
    if (target === 'chat') return { reasoning_effort: 'low' }
    if (target === 'responses') return { reasoning: { effort: 'low', summary: 'auto' } }
    if (target === 'ollama') return { think: 'low' }
    if (target === 'cohere') return { thinking: { type: 'enabled', token_budget: 2_048 } }
    if (target === 'messages') return { thinking: { type: 'enabled', budget_tokens: 2_048 } }
    if (target === 'gemini') return { generationConfig: { thinkingConfig: { thinkingBudget: 2_048 } } }
    return {}
  },
  lost: { bedrock: ['reasoning'] },
}

describe('of how an answer is wanted', () => {
  testRequests(
    [
      schema,
      googlesSchema,
      aboutSchema,
      jsonMode,
      sampling,
      zero,
      stops,
      topK,
      penalties,
      several,
      logprobs,
      users,
      notes,
      effort,
      budget,
      verbosity,
      unthinking,
    ],
    () => stage,
  )
})
