/** DeepSeek. */

import { hostedOpenai } from './define-provider.ts'
import { KEPT, PICTURES, SOUND, lacking } from './lacking.ts'
import { maxTokens, noDeveloperRole } from './quirks.ts'

export const deepseek = hostedOpenai({
  id: 'deepseek',
  name: 'DeepSeek',
  baseUrl: 'https://api.deepseek.com',
  environmentKeys: ['DEEPSEEK_API_KEY'],
  quirks: [
    maxTokens('https://api-docs.deepseek.com/api/create-chat-completion'),
    noDeveloperRole('https://github.com/earendil-works/pi/issues/1048'),
  ],
  modelPrefixes: ['deepseek-'],
  exampleModel: 'deepseek-v4-flash',
  operationPaths: lacking('embeddings', 'moderations', 'rerank', ...PICTURES, ...SOUND, ...KEPT),
  documentation: 'https://api-docs.deepseek.com/',
})
