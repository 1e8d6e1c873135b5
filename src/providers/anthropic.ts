/** Anthropic's own API. ANTHROPIC_BASE_URL is not read: on a machine that uses this gateway it points back at the gateway. */

import { claudePrefill } from './claude-prefill.ts'
import { hostedAnthropic } from './define-provider.ts'

export const anthropic = hostedAnthropic({
  id: 'anthropic',
  name: 'Anthropic',
  baseUrl: 'https://api.anthropic.com/v1',
  environmentKeys: ['ANTHROPIC_API_KEY'],
  stateOrigin: 'anthropic',
  continuation: claudePrefill,
  modelPrefixes: ['claude-'],
  isPricedByPlace: true,
  exampleModel: 'claude-haiku-4-5',
  documentation: 'https://docs.anthropic.com/en/api/messages',
})
