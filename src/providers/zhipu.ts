/** Zhipu AI (GLM), the Chinese platform; the international one is zai. */

import { hostedOpenai } from './define-provider.ts'
import { maxTokens } from './quirks.ts'

export const zhipu = hostedOpenai({
  id: 'zhipu',
  name: 'Zhipu AI',
  baseUrl: 'https://open.bigmodel.cn/api/paas/v4',
  environmentKeys: ['ZHIPUAI_API_KEY', 'ZHIPU_API_KEY'],
  quirks: [maxTokens('https://docs.bigmodel.cn/api-reference')],
  modelPrefixes: ['glm-'],
  exampleModel: 'glm-4.5-air',
  documentation: 'https://docs.bigmodel.cn/cn/api/introduction',
})
