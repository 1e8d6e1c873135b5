/** What a recorded answer of Cohere's second chat API says. */

import { countOf, type Fields, fieldsOf, isSaid, listOf, parsed, textOf } from './json.ts'
import {
  AnswerDraft,
  type CandidateDraft,
  type FinishKind,
  type UsageReading,
  type Verdict,
} from './reading.ts'
import { serverEvents } from './server-events.ts'

const finishKinds: Readonly<Record<string, FinishKind>> = {
  COMPLETE: 'stop',
  STOP_SEQUENCE: 'stop',
  MAX_TOKENS: 'length',
  TOOL_CALL: 'tool-calls',
  ERROR: 'error',
  ERROR_TOXIC: 'content-filter',
}

export function coherePlain(body: unknown): Verdict {
  const answer = fieldsOf(body)
  const { message } = answer
  if (Array.isArray(answer['choices'])) return { kind: 'foreign' }
  if (typeof message !== 'object' || message === null) return { kind: 'none', reason: 'no message' }
  const draft = new AnswerDraft()
  const candidate = draft.candidate(0)
  addMessage(candidate, fieldsOf(message))
  addEnd(candidate, answer)
  draft.usage = cohereUsage(fieldsOf(answer['usage']))
  return draft.verdictOfPlain()
}

function addMessage(candidate: CandidateDraft, message: Fields): void {
  const { content } = message
  candidate.reasoning += textOf(message['tool_plan'])
  for (const part of typeof content === 'string' ? [{ text: content }] : listOf(content))
    addContent(candidate, fieldsOf(part))
  for (const value of listOf(message['tool_calls'])) {
    const { name, arguments: written } = fieldsOf(fieldsOf(value)['function'])
    candidate.calls.push({ key: '', name: textOf(name), written: textOf(written), isCustom: false })
  }
  candidate.citations += listOf(message['citations']).length
}

function addContent(candidate: CandidateDraft, part: Fields): void {
  candidate.reasoning += textOf(part['thinking'])
  candidate.text += textOf(part['text'])
}

export function cohereStream(text: string): Verdict {
  const draft = new AnswerDraft()
  const candidate = draft.candidate(0)
  for (const { data } of serverEvents(text)) {
    const event = fieldsOf(parsed(data))
    const delta = fieldsOf(event['delta'])
    const message = fieldsOf(delta['message'])
    const call = fieldsOf(message['tool_calls'])
    const { name, arguments: written } = fieldsOf(call['function'])
    switch (event['type']) {
      case 'content-start':
      case 'content-delta':
        addContent(candidate, fieldsOf(message['content']))
        break
      case 'tool-plan-delta':
        candidate.reasoning += textOf(message['tool_plan'])
        break
      case 'tool-call-start':
        candidate.calls.push({ key: '', name: textOf(name), written: textOf(written), isCustom: false })
        break
      case 'tool-call-delta':
        addArguments(candidate, textOf(written))
        break
      case 'citation-start':
        candidate.citations += 1
        break
      case 'message-end':
        if (delta['finish_reason'] === 'ERROR') {
          const said = textOf(delta['error'])
          return { kind: 'error', error: { status: 200, type: 'ERROR', code: '', message: said } }
        }
        addEnd(candidate, delta)
        draft.usage = cohereUsage(fieldsOf(delta['usage']))
        break
    }
  }
  return draft.verdictOfStream()
}

function addArguments(candidate: CandidateDraft, written: string): void {
  const last = candidate.calls.at(-1)
  if (last !== undefined) last.written += written
}

function addEnd(candidate: CandidateDraft, source: Fields): void {
  const word = textOf(source['finish_reason'])
  if (isSaid(word)) candidate.finish = finishKinds[word] ?? 'other'
}

/** What the model saw and said, pictures counted in; `billed_units` are another matter. */
function cohereUsage(usage: Fields): UsageReading | undefined {
  const tokens = fieldsOf(usage['tokens'] ?? usage['billed_units'])
  if (tokens['input_tokens'] === undefined && tokens['output_tokens'] === undefined) return undefined
  const input = countOf(tokens['input_tokens']) + countOf(tokens['image_tokens'])
  const cached = countOf(usage['cached_tokens'])
  return {
    input,
    output: countOf(tokens['output_tokens']),
    cacheRead: cached > input ? 0 : cached,
    cacheWrite: 0,
    reasoning: countOf(tokens['reasoning_tokens']),
  }
}
