/** Volcengine's Ark (Doubao models). */

import { hostedOpenai } from './define-provider.ts'

export const volcengine = hostedOpenai({
  id: 'volcengine',
  name: 'Volcengine Ark (Doubao)',
  baseUrl: 'https://ark.cn-beijing.volces.com/api/v3',
  environmentKeys: ['ARK_API_KEY', 'VOLCENGINE_API_KEY'],
  modelPrefixes: ['doubao-'],
  documentation: 'https://www.volcengine.com/docs/82379/1494384',
})
