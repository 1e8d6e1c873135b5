/** MiniMax. Keys of the Chinese platform work at https://api.minimaxi.com/v1 only: set baseUrl. */

import { hostedOpenai } from './define-provider.ts'

export const minimax = hostedOpenai({
  id: 'minimax',
  name: 'MiniMax',
  baseUrl: 'https://api.minimax.io/v1',
  environmentKeys: ['MINIMAX_API_KEY'],
  modelPrefixes: ['MiniMax-'],
  exampleModel: 'MiniMax-M2',
  documentation: 'https://platform.minimax.io/docs/api-reference/text-openai-api',
})
