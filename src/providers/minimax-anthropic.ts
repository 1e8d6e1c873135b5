/** MiniMax's second face, for clients of Anthropic's messages. One key makes one provider: this one is used where it is named. */

import { hostedAnthropic } from './define-provider.ts'

export const minimaxAnthropic = hostedAnthropic({
  id: 'minimax-anthropic',
  name: 'MiniMax (Anthropic API)',
  baseUrl: 'https://api.minimax.io/anthropic/v1',
  environmentKeys: ['MINIMAX_API_KEY'],
  modelsPath: 'none',
  documentation: 'https://platform.minimax.io/docs/api-reference/text-anthropic-api',
})
