/** SiliconFlow. Keys of the Chinese platform work at https://api.siliconflow.cn/v1 only: set baseUrl. */

import { hostedOpenai } from './define-provider.ts'
import { maxTokens } from './quirks.ts'

export const siliconflow = hostedOpenai({
  id: 'siliconflow',
  name: 'SiliconFlow',
  baseUrl: 'https://api.siliconflow.com/v1',
  environmentKeys: ['SILICONFLOW_API_KEY'],
  quirks: [maxTokens('https://docs.siliconflow.com/en/api-reference/chat-completions/chat-completions')],
  documentation: 'https://docs.siliconflow.com/en/api-reference/chat-completions/chat-completions',
})
