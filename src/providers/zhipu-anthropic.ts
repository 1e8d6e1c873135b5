/** Zhipu AI's second face, for clients of Anthropic's messages. One key makes one provider: this one is used where it is named. */

import { bearer, hostedAnthropic } from './define-provider.ts'

export const zhipuAnthropic = hostedAnthropic({
  id: 'zhipu-anthropic',
  name: 'Zhipu AI (Anthropic API)',
  baseUrl: 'https://open.bigmodel.cn/api/anthropic/v1',
  auth: bearer,
  environmentKeys: ['ZHIPUAI_API_KEY', 'ZHIPU_API_KEY'],
  modelsPath: 'none',
  documentation: 'https://docs.bigmodel.cn/cn/guide/develop/claude',
})
