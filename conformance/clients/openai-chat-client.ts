/** OpenAI's SDK, asked for a chat completion. */

import OpenAI from 'openai'
import { chatUsage } from '../oracle/openai-chat.ts'
import { fieldsOf, listOf, textOf } from '../oracle/json.ts'
import { AnswerDraft, type CandidateDraft, type FinishKind, type Reading } from '../oracle/reading.ts'
import { CannedFetch, errorThrownBy, type OfficialClient, thrownBy } from './official-client.ts'

const canned = new CannedFetch()
const client = new OpenAI({
  apiKey: 'unused',
  baseURL: 'http://sdk.invalid/v1',
  fetch: canned.fetch,
  maxRetries: 0,
})
const question = { model: 'any', messages: [{ role: 'user' as const, content: 'Anything.' }] }

export const openaiChatClient: OfficialClient = {
  id: 'openai-chat',
  async readPlain(body) {
    canned.plain(body)
    return readingOf(await client.chat.completions.create(question), undefined)
  },
  async readStream(text) {
    canned.stream(text)
    const reasoning = new Map<number, string>()
    const stream = client.chat.completions.stream({ ...question, stream: true, n: 128 })
    // The SDK keeps the last piece of fields it does not know, so pieces are gathered as programs gather them.
    stream.on('chunk', (chunk) => {
      for (const { index, delta } of chunk.choices) {
        const piece = textOf(fieldsOf(delta)['reasoning_content'])
        reasoning.set(index, (reasoning.get(index) ?? '') + piece)
      }
    })
    return readingOf(await stream.finalChatCompletion(), reasoning)
  },
  readError(status, body) {
    canned.refusal(status, body)
    return errorThrownBy(() => client.chat.completions.create(question))
  },
  readStreamError(text) {
    canned.stream(text)
    return thrownBy(async () => {
      for await (const _chunk of await client.chat.completions.create({ ...question, stream: true }));
    })
  },
}

const finishKinds: Readonly<Record<string, FinishKind>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool-calls',
  function_call: 'tool-calls',
  content_filter: 'content-filter',
}

function readingOf(
  completion: OpenAI.ChatCompletion,
  reasoning: ReadonlyMap<number, string> | undefined,
): Reading {
  const draft = new AnswerDraft()
  for (const choice of completion.choices) {
    const candidate = draft.candidate(choice.index)
    const message = fieldsOf(choice.message)
    candidate.text = textOf(message['content'])
    candidate.refusal = textOf(message['refusal'])
    candidate.reasoning = reasoning?.get(choice.index) ?? textOf(message['reasoning_content'])
    candidate.citations = listOf(message['annotations']).length
    candidate.logprobs = choice.logprobs?.content?.length ?? 0
    candidate.finish = finishKinds[choice.finish_reason] ?? 'other'
    for (const call of listOf(message['tool_calls'])) addCall(candidate, call)
  }
  const usage = chatUsage(fieldsOf(completion.usage))
  const candidates = draft.candidates.map(closeAsSaid)
  return { candidates, ...(usage === undefined ? {} : { usage }) }
}

function addCall(candidate: CandidateDraft, value: unknown): void {
  const call = fieldsOf(value)
  const isCustom = call['type'] === 'custom'
  const { name, arguments: written, input } = fieldsOf(isCustom ? call['custom'] : call['function'])
  candidate.calls.push({ key: '', name: textOf(name), written: textOf(written ?? input), isCustom })
}

/** What a program sees, its finish as it was said. */
export function closeAsSaid(draft: CandidateDraft) {
  return { ...draft.close(), finish: draft.finish ?? ('other' as const) }
}
