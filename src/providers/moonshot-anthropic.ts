/** Moonshot AI's second face, for clients of Anthropic's messages. One key makes one provider: this one is used where it is named. */

import { bearer, hostedAnthropic } from './define-provider.ts'

export const moonshotAnthropic = hostedAnthropic({
  id: 'moonshot-anthropic',
  name: 'Moonshot AI (Anthropic API)',
  baseUrl: 'https://api.moonshot.ai/anthropic/v1',
  auth: bearer,
  environmentKeys: ['MOONSHOT_API_KEY'],
  modelsPath: 'none',
  documentation: 'https://platform.moonshot.ai/docs/guide/agent-support',
})
