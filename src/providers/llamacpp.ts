/** llama.cpp's server on its usual port; started with --api-key it wants LLAMA_API_KEY. */

import { localOpenai } from './define-provider.ts'
import { KEPT, PICTURES, lacking } from './lacking.ts'

export const llamacpp = localOpenai({
  id: 'llamacpp',
  name: 'llama.cpp',
  baseUrl: 'http://127.0.0.1:8080/v1',
  alsoSpeaks: ['openai-completions'],
  environmentKeys: ['LLAMA_API_KEY'],
  operationPaths: lacking('moderations', ...PICTURES, ...KEPT),
  documentation: 'https://github.com/ggml-org/llama.cpp/tree/master/tools/server',
})
