/** DeepSeek. */

import { hostedOpenai } from './define-provider.ts'
import { KEPT, PICTURES, SOUND, lacking } from './lacking.ts'
import type { Quirk } from './provider.ts'
import { maxTokens, noDeveloperRole } from './quirks.ts'

const CONTINUATION = 'https://api-docs.deepseek.com/guides/chat_prefix_completion'

/** It goes on with a beginning only below another path. */
const prefixOnBeta: Quirk = {
  name: 'prefix-on-beta',
  seenAt: CONTINUATION,
  adaptPath: (path, { isContinued }) => (isContinued === true ? `/beta${path}` : path),
}

export const deepseek = hostedOpenai({
  id: 'deepseek',
  name: 'DeepSeek',
  baseUrl: 'https://api.deepseek.com',
  environmentKeys: ['DEEPSEEK_API_KEY'],
  quirks: [
    maxTokens('https://api-docs.deepseek.com/api/create-chat-completion'),
    noDeveloperRole('https://github.com/earendil-works/pi/issues/1048'),
    prefixOnBeta,
  ],
  // CONTINUATION. What reasons begins with reasoning, which no prefix of the answer stands before.
  continuation: (modelId) => (modelId.includes('reasoner') ? undefined : 'prefix-flag'),
  modelPrefixes: ['deepseek-'],
  exampleModel: 'deepseek-v4-flash',
  operationPaths: lacking('embeddings', 'moderations', 'rerank', ...PICTURES, ...SOUND, ...KEPT),
  documentation: 'https://api-docs.deepseek.com/',
})
