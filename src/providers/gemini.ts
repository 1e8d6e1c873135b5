/** Google's Gemini API. The key travels in a header, never in the URL. */

import { hostedGemini } from './define-provider.ts'
import { SOUND, lacking } from './lacking.ts'

export const gemini = hostedGemini({
  id: 'gemini',
  name: 'Google Gemini',
  baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
  environmentKeys: ['GEMINI_API_KEY', 'GOOGLE_API_KEY', 'GOOGLE_GENERATIVE_AI_API_KEY'],
  stateOrigin: 'google',
  modelPrefixes: ['gemini-'],
  exampleModel: 'gemini-2.5-flash',
  operationPaths: lacking('moderations', 'rerank', ...SOUND),
  documentation: 'https://ai.google.dev/api/generate-content',
})
