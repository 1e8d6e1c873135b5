/** Fields that ask for nothing, as many programs send them with every request: nothing is lost with them, nowhere. */

import { afterAll, beforeAll, describe } from 'vitest'
import { type RequestFeature, testRequests } from '../support/pair-features.ts'
import { openPairStage, type PairStage } from '../support/pair-stage.ts'

let stage: PairStage
beforeAll(async () => {
  stage = await openPairStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

const nothing: RequestFeature = {
  name: 'defaults that are said',
  asked: {
    'openai-chat': {
      n: 1,
      logprobs: false,
      top_logprobs: null,
      frequency_penalty: 0,
      presence_penalty: 0,
      temperature: 1,
      top_p: 1,
      stop: null,
      seed: null,
      store: false,
      service_tier: 'auto',
      response_format: { type: 'text' },
      modalities: ['text'],
      metadata: {},
      logit_bias: {},
      tools: [],
      parallel_tool_calls: true,
    },
    'anthropic-messages': {
      temperature: 1,
      stop_sequences: [],
      metadata: {},
      tools: [],
      service_tier: 'auto',
      system: [],
    },
    'openai-responses': {
      temperature: 1,
      top_p: 1,
      top_logprobs: 0,
      store: false,
      background: false,
      truncation: 'disabled',
      include: [],
      metadata: {},
      parallel_tool_calls: true,
      tool_choice: 'auto',
      tools: [],
      text: { format: { type: 'text' } },
      reasoning: { effort: null, summary: null },
      service_tier: 'auto',
      user: null,
      previous_response_id: null,
    },
    gemini: {
      tools: [],
      safetySettings: [],
      generationConfig: {
        candidateCount: 1,
        temperature: 1,
        topP: 1,
        stopSequences: [],
        presencePenalty: 0,
        frequencyPenalty: 0,
        responseMimeType: 'text/plain',
        responseModalities: ['TEXT'],
        responseLogprobs: false,
        thinkingConfig: { includeThoughts: false },
      },
    },
  },
  sent: () => ({}),
}

describe('nothing is lost with', () => {
  testRequests([nothing], () => stage)
})
