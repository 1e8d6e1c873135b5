/** LM Studio's server on its usual port. */

import { localOpenai } from './define-provider.ts'
import { KEPT, PICTURES, SOUND, lacking } from './lacking.ts'

export const lmstudio = localOpenai({
  id: 'lmstudio',
  name: 'LM Studio',
  baseUrl: 'http://127.0.0.1:1234/v1',
  alsoSpeaks: ['openai-completions'],
  environmentKeys: ['LMSTUDIO_API_KEY'],
  operationPaths: lacking('moderations', 'rerank', ...PICTURES, ...SOUND, ...KEPT),
  documentation: 'https://lmstudio.ai/docs/app/api/endpoints/openai',
})
