/** Mistral AI. Its request schema allows no unknown field, so OpenAI's newer spellings are said in its own. */

import { hostedOpenai } from './define-provider.ts'
import { maxTokens, noDeveloperRole, noReasoningReplay, noStreamOptions, randomSeed } from './quirks.ts'

export const mistral = hostedOpenai({
  id: 'mistral',
  name: 'Mistral AI',
  baseUrl: 'https://api.mistral.ai/v1',
  environmentKeys: ['MISTRAL_API_KEY'],
  quirks: [
    maxTokens('https://github.com/editor-code-assistant/eca/issues/231'),
    noStreamOptions('https://github.com/avante-corp/avante.nvim/issues/2347'),
    randomSeed('https://docs.mistral.ai/api/endpoint/chat'),
    noDeveloperRole('https://docs.mistral.ai/api/endpoint/chat'),
    noReasoningReplay('https://github.com/BerriAI/litellm/issues/30835'),
  ],
  // https://docs.mistral.ai/guides/prefix/; that the prefix comes again: https://github.com/vercel/ai/pull/3256
  // What reasons begins with reasoning, which no prefix of the answer stands before.
  continuation: (modelId) => (modelId.startsWith('magistral-') ? undefined : 'echoed-prefix'),
  isUsageUnasked: true,
  modelPrefixes: [
    'mistral-',
    'ministral-',
    'codestral-',
    'magistral-',
    'devstral-',
    'pixtral-',
    'open-mistral-',
    'open-mixtral-',
  ],
  exampleModel: 'mistral-small-latest',
  documentation: 'https://docs.mistral.ai/api/',
})
