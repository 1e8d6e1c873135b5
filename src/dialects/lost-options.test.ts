/** Fault 89: what a target cannot be asked for is named, so that strict mode can refuse it; nothing is dropped in silence. */

import { describe, expect, test } from 'vitest'
import type { InferenceRequest } from '../canonical/request.ts'
import { targetDialects } from './index.ts'

const request: InferenceRequest = {
  modelId: 'm',
  messages: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
  stream: false,
  wantsStreamUsage: false,
  vendor: { dialect: 'somewhere-else', fields: {} },
}

const options: readonly [string, Partial<InferenceRequest>, readonly string[]][] = [
  ['several answers', { candidateCount: 3 }, ['n', 'candidateCount']],
  ['log probabilities', { logprobs: { top: 2 } }, ['logprobs', 'top_logprobs', 'responseLogprobs']],
  ['a seed', { seed: 7 }, ['seed']],
  ['a penalty', { frequencyPenalty: 0.5 }, ['frequency_penalty', 'frequencyPenalty']],
  ['another penalty', { presencePenalty: 0.5 }, ['presence_penalty', 'presencePenalty']],
  ['the most likely tokens', { topK: 5 }, ['top_k', 'topK', 'k']],
  ['stop sequences', { stopSequences: ['END'] }, ['stop', 'stop_sequences', 'stopSequences']],
  [
    'a schema',
    {
      output: {
        type: 'json-schema',
        name: 'a',
        schema: { type: 'object', properties: { marked: { type: 'string' } } },
      },
    },
    ['marked'],
  ],
]

describe.each([...targetDialects.values()].map((dialect) => [dialect.id, dialect] as const))(
  '%s',
  (_id, dialect) => {
    test.each(options)('is asked for %s, or names the loss', (_name, option, names) => {
      const { fields, losses } = dialect.writeRequest(
        { ...request, ...option },
        { modelId: 'm', stream: false },
      )
      const said = JSON.stringify(fields)
      // Bedrock takes a schema as text, in which quotes are escaped.
      const isSaid = names.some((name) => said.includes(`"${name}"`) || said.includes(`"${name}\\"`))
      expect({ isSaid, losses: losses.map(({ field }) => field) }).not.toEqual({ isSaid: false, losses: [] })
    })
  },
)
