/** Ollama on its usual port, in its own dialect: with a context size, a way to keep a model loaded, and thinking. */

import { bearer } from './define-provider.ts'
import type { Provider } from './provider.ts'

export const ollamaNative: Provider = {
  id: 'ollama-native',
  name: 'Ollama (native API)',
  dialect: 'ollama-chat',
  baseUrl: 'http://127.0.0.1:11434/api',
  auth: bearer,
  environmentKeys: [],
  isLocal: true,
  quirks: [],
  isUsageUnasked: true,
  modelsPath: '/tags',
  documentation: 'https://docs.ollama.com/api/chat',
}
