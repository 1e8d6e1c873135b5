/** Z.AI's second face, for clients of Anthropic's messages. One key makes one provider: this one is used where it is named. */

import { bearer, hostedAnthropic } from './define-provider.ts'

export const zaiAnthropic = hostedAnthropic({
  id: 'zai-anthropic',
  name: 'Z.AI (Anthropic API)',
  baseUrl: 'https://api.z.ai/api/anthropic/v1',
  auth: bearer,
  environmentKeys: ['ZAI_API_KEY', 'Z_AI_API_KEY'],
  modelsPath: 'none',
  documentation: 'https://docs.z.ai/devpack/tool/claude',
})
