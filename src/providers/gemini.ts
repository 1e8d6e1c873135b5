/** Gemini through Google's OpenAI-compatible endpoint. The key travels as a Bearer header, never in the URL. */

import { hostedOpenai } from './define-provider.ts'

export const gemini = hostedOpenai({
  id: 'gemini',
  name: 'Google Gemini',
  baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
  environmentKeys: ['GEMINI_API_KEY', 'GOOGLE_API_KEY', 'GOOGLE_GENERATIVE_AI_API_KEY'],
  modelPrefixes: ['gemini-'],
  exampleModel: 'gemini-2.5-flash',
  documentation: 'https://ai.google.dev/gemini-api/docs/openai',
})
