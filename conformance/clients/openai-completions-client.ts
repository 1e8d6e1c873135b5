/** OpenAI's SDK, asked for a completion of a prompt. */

import OpenAI from 'openai'
import { openaiCompletionsPlain } from '../oracle/openai-completions.ts'
import { chatUsage } from '../oracle/openai-chat.ts'
import { fieldsOf } from '../oracle/json.ts'
import { AnswerDraft, type Reading } from '../oracle/reading.ts'
import { CannedFetch, errorThrownBy, type OfficialClient, thrownBy } from './official-client.ts'

const canned = new CannedFetch()
const client = new OpenAI({
  apiKey: 'unused',
  baseURL: 'http://sdk.invalid/v1',
  fetch: canned.fetch,
  maxRetries: 0,
})
const question = { model: 'any', prompt: 'Anything.' }

export const openaiCompletionsClient: OfficialClient = {
  id: 'openai-completions',
  async readPlain(body) {
    canned.plain(body)
    const verdict = openaiCompletionsPlain(await client.completions.create(question))
    if ('reading' in verdict) return verdict.reading
    throw new Error('The SDK made no answer of it.')
  },
  readStream,
  readError(status, body) {
    canned.refusal(status, body)
    return errorThrownBy(() => client.completions.create(question))
  },
  readStreamError(text) {
    return thrownBy(() => readStream(text))
  },
}

async function readStream(text: string): Promise<Reading> {
  canned.stream(text)
  const draft = new AnswerDraft()
  for await (const chunk of await client.completions.create({ ...question, stream: true })) {
    for (const choice of chunk.choices) {
      const candidate = draft.candidate(choice.index)
      candidate.text += choice.text
      candidate.logprobs += choice.logprobs?.tokens?.length ?? 0
      const { finish_reason: word } = fieldsOf(choice)
      if (word === 'stop' || word === 'length') candidate.finish = word
      else if (word === 'content_filter') candidate.finish = 'content-filter'
    }
    draft.usage = chatUsage(fieldsOf(chunk.usage)) ?? draft.usage
  }
  const verdict = draft.verdictOfStream()
  if (verdict.kind === 'whole' || verdict.kind === 'empty') return verdict.reading
  throw new Error('The stream has no finish reason.')
}
