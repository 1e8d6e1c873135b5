/** Fireworks AI. */

import { hostedOpenai } from './define-provider.ts'

export const fireworks = hostedOpenai({
  id: 'fireworks',
  name: 'Fireworks AI',
  baseUrl: 'https://api.fireworks.ai/inference/v1',
  alsoSpeaks: ['openai-responses', 'openai-completions'],
  environmentKeys: ['FIREWORKS_API_KEY'],
  exampleModel: 'accounts/fireworks/models/gpt-oss-20b',
  documentation: 'https://docs.fireworks.ai/api-reference/post-chatcompletions',
})
