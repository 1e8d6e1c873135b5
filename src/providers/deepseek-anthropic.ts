/** DeepSeek's second face, for clients of Anthropic's messages. One key makes one provider: this one is used where it is named. */

import { hostedAnthropic } from './define-provider.ts'

export const deepseekAnthropic = hostedAnthropic({
  id: 'deepseek-anthropic',
  name: 'DeepSeek (Anthropic API)',
  baseUrl: 'https://api.deepseek.com/anthropic/v1',
  environmentKeys: ['DEEPSEEK_API_KEY'],
  modelsPath: 'none',
  documentation: 'https://api-docs.deepseek.com/guides/anthropic_api',
})
