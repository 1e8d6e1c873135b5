/** OpenRouter. */

import { hostedOpenai } from './define-provider.ts'

export const openrouter = hostedOpenai({
  id: 'openrouter',
  name: 'OpenRouter',
  baseUrl: 'https://openrouter.ai/api/v1',
  alsoSpeaks: ['openai-responses', 'openai-completions'],
  environmentKeys: ['OPENROUTER_API_KEY'],
  exampleModel: 'openai/gpt-5-mini',
  documentation: 'https://openrouter.ai/docs/api-reference/overview',
})
