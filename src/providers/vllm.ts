/** vLLM on its usual port; started with --api-key it wants VLLM_API_KEY. */

import { localOpenai } from './define-provider.ts'

export const vllm = localOpenai({
  id: 'vllm',
  name: 'vLLM',
  baseUrl: 'http://127.0.0.1:8000/v1',
  alsoSpeaks: ['openai-completions'],
  // Extra parameters of its chat API: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
  continuation: 'continue-final-message',
  environmentKeys: ['VLLM_API_KEY'],
  documentation: 'https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html',
})
