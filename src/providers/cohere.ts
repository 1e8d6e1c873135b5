/** Cohere, in its own dialect. Its list of models lies under another version of the API, so that there is none here. */

import { bearer } from './define-provider.ts'
import type { Provider } from './provider.ts'

export const cohere: Provider = {
  id: 'cohere',
  name: 'Cohere',
  dialect: 'cohere-chat',
  baseUrl: 'https://api.cohere.com/v2',
  auth: bearer,
  environmentKeys: ['COHERE_API_KEY', 'CO_API_KEY'],
  isLocal: false,
  quirks: [],
  isUsageUnasked: true,
  modelPrefixes: ['command-', 'c4ai-'],
  exampleModel: 'command-r7b-12-2024',
  documentation: 'https://docs.cohere.com/reference/chat',
}
