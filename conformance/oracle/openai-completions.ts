/** What a recorded answer of OpenAI's older completions API says. */

import { chatUsage } from './openai-chat.ts'
import { type Fields, fieldsOf, isSaid, listOf, parsed, textOf } from './json.ts'
import { AnswerDraft, type FinishKind, type Verdict } from './reading.ts'
import { serverEvents } from './server-events.ts'

const finishKinds: Readonly<Record<string, FinishKind>> = {
  stop: 'stop',
  eos: 'stop',
  eos_token: 'stop',
  length: 'length',
  content_filter: 'content-filter',
}

export function openaiCompletionsPlain(body: unknown): Verdict {
  const answer = fieldsOf(body)
  if (isSaid(answer['error'])) return errorVerdict(answer)
  if (listOf(answer['choices']).some((choice) => isSaid(fieldsOf(choice)['message'])))
    return { kind: 'foreign' }
  if (listOf(answer['choices']).length === 0) return { kind: 'none', reason: 'no choices' }
  const draft = new AnswerDraft()
  addChunk(draft, answer)
  return draft.verdictOfPlain()
}

export function openaiCompletionsStream(text: string): Verdict {
  const draft = new AnswerDraft()
  for (const { data } of serverEvents(text)) {
    const chunk = fieldsOf(parsed(data))
    if (isSaid(chunk['error'])) return errorVerdict(chunk)
    if (textOf(chunk['object']).startsWith('chat.')) return { kind: 'foreign' }
    addChunk(draft, chunk)
  }
  return draft.verdictOfStream()
}

function addChunk(draft: AnswerDraft, chunk: Fields): void {
  listOf(chunk['choices']).forEach((value, place) => {
    const choice = fieldsOf(value)
    const candidate = draft.candidate(Number(choice['index'] ?? place))
    candidate.text += textOf(choice['text'])
    candidate.logprobs += listOf(fieldsOf(choice['logprobs'])['tokens']).length
    const word = textOf(choice['finish_reason'])
    if (word !== '') candidate.finish = finishKinds[word] ?? 'other'
  })
  draft.usage = chatUsage(fieldsOf(chunk['usage'])) ?? draft.usage
}

function errorVerdict(answer: Fields): Verdict {
  const error = fieldsOf(answer['error'])
  const { type, code, message } = error
  return {
    kind: 'error',
    error: { status: 200, type: textOf(type), code: textOf(code), message: textOf(message) },
  }
}
