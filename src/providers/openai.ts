/** OpenAI's own API. OPENAI_BASE_URL is not read: on a machine that uses this gateway it points back at the gateway. */

import { hostedOpenai } from './define-provider.ts'
import { lacking } from './lacking.ts'
import { maxCompletionTokens } from './quirks.ts'

export const openai = hostedOpenai({
  id: 'openai',
  name: 'OpenAI',
  baseUrl: 'https://api.openai.com/v1',
  alsoSpeaks: ['openai-responses', 'openai-completions'],
  environmentKeys: ['OPENAI_API_KEY'],
  quirks: [maxCompletionTokens('https://platform.openai.com/docs/api-reference/chat/create')],
  modelPrefixes: [
    'gpt-',
    'chatgpt-',
    'o1',
    'o3',
    'o4-',
    'text-embedding-3-',
    'text-embedding-ada-',
    'omni-moderation-',
    'dall-e-',
    'whisper-',
    'tts-',
    'sora-',
  ],
  exampleModel: 'gpt-5-mini',
  operationPaths: lacking('rerank'),
  documentation: 'https://platform.openai.com/docs/api-reference/chat',
})
