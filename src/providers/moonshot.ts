/** Moonshot AI (Kimi). Keys of the Chinese platform work at https://api.moonshot.cn/v1 only: set baseUrl. */

import { hostedOpenai } from './define-provider.ts'

export const moonshot = hostedOpenai({
  id: 'moonshot',
  name: 'Moonshot AI',
  baseUrl: 'https://api.moonshot.ai/v1',
  environmentKeys: ['MOONSHOT_API_KEY'],
  modelPrefixes: ['kimi-', 'moonshot-'],
  exampleModel: 'kimi-k2.5',
  documentation: 'https://platform.moonshot.ai/docs/api/chat',
})
