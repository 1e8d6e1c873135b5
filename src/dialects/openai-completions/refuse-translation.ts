/** Which prompts no other dialect can be asked: those that are not one text. */

import type { InferenceRequest } from '../../canonical/request.ts'
import { GatewayError } from '../../errors/gateway-error.ts'

export function refuseTranslation(request: InferenceRequest): GatewayError | undefined {
  const prompt = request.vendor?.fields['prompt']
  if (!Array.isArray(prompt)) return undefined
  const isTokens = prompt.every((entry) => typeof entry === 'number') || prompt.length === 1
  const what = isTokens
    ? 'A prompt of token numbers is read only by the model they were made for; send the text instead'
    : 'Several prompts in one request are answered only by a server of this API; send one prompt a request'
  return new GatewayError(
    'loss_refused',
    `${what}, or choose a target that speaks the OpenAI completions API.`,
    { param: 'prompt' },
  )
}
