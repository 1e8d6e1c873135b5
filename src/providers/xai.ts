/** xAI. */

import { hostedOpenai } from './define-provider.ts'

export const xai = hostedOpenai({
  id: 'xai',
  name: 'xAI',
  baseUrl: 'https://api.x.ai/v1',
  alsoSpeaks: ['openai-responses'],
  environmentKeys: ['XAI_API_KEY'],
  modelPrefixes: ['grok-'],
  exampleModel: 'grok-4-fast-non-reasoning',
  documentation: 'https://docs.x.ai/docs/api-reference',
})
