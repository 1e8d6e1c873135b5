/** OpenAI's SDK, asked for a response. */

import OpenAI from 'openai'
import { openaiResponsesPlain } from '../oracle/openai-responses.ts'
import type { Reading } from '../oracle/reading.ts'
import { CannedFetch, errorThrownBy, type OfficialClient, thrownBy } from './official-client.ts'

const canned = new CannedFetch()
const client = new OpenAI({
  apiKey: 'unused',
  baseURL: 'http://sdk.invalid/v1',
  fetch: canned.fetch,
  maxRetries: 0,
})
const question = { model: 'any', input: 'Anything.' }

export const openaiResponsesClient: OfficialClient = {
  id: 'openai-responses',
  async readPlain(body) {
    canned.plain(body)
    return readingOf(await client.responses.create(question))
  },
  async readStream(text) {
    canned.stream(text)
    const stream = client.responses.stream(question)
    let said = ''
    stream.on('response.output_text.delta', ({ delta }) => {
      said += delta
    })
    const response = await stream.finalResponse()
    const reading = readingOf(response)
    const text0 = reading.candidates[0]?.text ?? ''
    if (said !== text0) throw new Error('The deltas of the text are not the text of the whole response.')
    return reading
  },
  readError(status, body) {
    canned.refusal(status, body)
    return errorThrownBy(() => client.responses.create(question))
  },
  readStreamError(text) {
    canned.stream(text)
    return thrownBy(async () => {
      for await (const event of await client.responses.create({ ...question, stream: true })) {
        if (event.type === 'error') throw new OpenAI.APIError(undefined, event, event.message, undefined)
        if (event.type === 'response.failed') {
          throw new OpenAI.APIError(undefined, event, event.response.error?.message, undefined)
        }
      }
    })
  },
}

/** What the SDK gives is the response itself, checked and counted by it. */
function readingOf(response: unknown): Reading {
  const verdict = openaiResponsesPlain(response)
  if ('reading' in verdict) return verdict.reading
  throw new Error(`The SDK made no answer of it: ${JSON.stringify(verdict).slice(0, 200)}`)
}
