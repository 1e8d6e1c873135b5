/** Groq. It refuses logprobs, logit_bias and message names; those are the client's to leave out, so its refusal is passed on. */

import { hostedOpenai } from './define-provider.ts'
import { noReasoningReplay } from './quirks.ts'

export const groq = hostedOpenai({
  id: 'groq',
  name: 'Groq',
  baseUrl: 'https://api.groq.com/openai/v1',
  alsoSpeaks: ['openai-responses'],
  environmentKeys: ['GROQ_API_KEY'],
  quirks: [noReasoningReplay('https://github.com/janhq/jan/issues/8136')],
  exampleModel: 'openai/gpt-oss-20b',
  documentation: 'https://console.groq.com/docs/openai',
})
