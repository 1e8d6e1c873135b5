/** Anthropic's SDK, asked for a message. */

import Anthropic from '@anthropic-ai/sdk'
import { anthropicPlain } from '../oracle/anthropic-messages.ts'
import type { Reading } from '../oracle/reading.ts'
import { CannedFetch, errorThrownBy, type OfficialClient, thrownBy } from './official-client.ts'

const canned = new CannedFetch()
const client = new Anthropic({
  apiKey: 'unused',
  baseURL: 'http://sdk.invalid',
  fetch: canned.fetch,
  maxRetries: 0,
})
const question = { model: 'any', max_tokens: 1, messages: [{ role: 'user' as const, content: 'Anything.' }] }

export const anthropicClient: OfficialClient = {
  id: 'anthropic-messages',
  async readPlain(body) {
    canned.plain(body)
    return readingOf(await client.messages.create(question))
  },
  async readStream(text) {
    canned.stream(text)
    return readingOf(await client.messages.stream(question).finalMessage())
  },
  readError(status, body) {
    canned.refusal(status, body)
    return errorThrownBy(() => client.messages.create(question))
  },
  readStreamError(text) {
    canned.stream(text)
    return thrownBy(async () => {
      for await (const _event of await client.messages.create({ ...question, stream: true }));
    })
  },
}

/** What the SDK gives is the message itself, put together by it. */
function readingOf(message: unknown): Reading {
  const verdict = anthropicPlain(message)
  if ('reading' in verdict) return verdict.reading
  throw new Error(`The SDK made no message of it: ${JSON.stringify(verdict).slice(0, 200)}`)
}
