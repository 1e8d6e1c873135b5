/** What a recorded answer of OpenAI's Responses API says. */

import { countOf, type Fields, fieldsOf, isSaid, listOf, parsed, textOf } from './json.ts'
import {
  AnswerDraft,
  type CandidateDraft,
  type ErrorReading,
  type FinishKind,
  type UsageReading,
  type Verdict,
} from './reading.ts'
import { serverEvents } from './server-events.ts'

const incompleteKinds: Readonly<Record<string, FinishKind>> = {
  max_output_tokens: 'length',
  content_filter: 'content-filter',
}

export function openaiResponsesPlain(body: unknown): Verdict {
  const answer = fieldsOf(body)
  if (isSaid(answer['error']) || answer['status'] === 'failed')
    return { kind: 'error', error: errorOf(answer) }
  if (answer['status'] === 'queued' || answer['status'] === 'in_progress') {
    return { kind: 'none', reason: 'not answered yet' }
  }
  if (!Array.isArray(answer['output'])) return { kind: 'none', reason: 'no output' }
  return draftOf(answer, listOf(answer['output'])).verdictOfPlain()
}

/** The last event repeats the whole answer; where its output is left empty, the items said on the way are the answer. */
export function openaiResponsesStream(text: string): Verdict {
  const items: unknown[] = []
  for (const { data } of serverEvents(text)) {
    const event = fieldsOf(parsed(data))
    const response = fieldsOf(event['response'])
    if (event['type'] === 'error')
      return { kind: 'error', error: errorOf(isSaid(event['error']) ? event : { error: event }) }
    if (event['type'] === 'response.failed') return { kind: 'error', error: errorOf(response) }
    if (event['type'] === 'response.output_item.done') items.push(event['item'])
    if (event['type'] === 'response.completed' || event['type'] === 'response.incomplete') {
      const output = listOf(response['output'])
      return draftOf(response, output.length === 0 ? items : output).verdictOfStream()
    }
  }
  return { kind: 'broken', reading: { candidates: [] } }
}

function draftOf(answer: Fields, items: readonly unknown[]): AnswerDraft {
  const draft = new AnswerDraft()
  const candidate = draft.candidate(0)
  for (const item of items) addItem(candidate, fieldsOf(item))
  const reason = textOf(fieldsOf(answer['incomplete_details'])['reason'])
  candidate.finish = answer['status'] === 'incomplete' ? (incompleteKinds[reason] ?? 'other') : 'stop'
  draft.usage = responsesUsage(fieldsOf(answer['usage']))
  return draft
}

function addItem(candidate: CandidateDraft, item: Fields): void {
  const { type, name } = item
  switch (type) {
    case 'message':
      for (const part of listOf(item['content'])) addPart(candidate, fieldsOf(part))
      return
    case 'reasoning': {
      const texts = [...listOf(item['content']), ...listOf(item['summary'])]
      candidate.reasoning += texts.map((part) => textOf(fieldsOf(part)['text'])).join('')
      if (isSaid(item['encrypted_content'])) candidate.proofs += 1
      else candidate.others += 1
      return
    }
    case 'function_call':
      candidate.calls.push({
        key: '',
        name: textOf(name),
        written: textOf(item['arguments']),
        isCustom: false,
      })
      return
    case 'custom_tool_call':
      candidate.calls.push({ key: '', name: textOf(name), written: textOf(item['input']), isCustom: true })
      return
    default:
      candidate.others += 1
  }
}

function addPart(candidate: CandidateDraft, part: Fields): void {
  candidate.text += textOf(part['text'])
  candidate.refusal += textOf(part['refusal'])
  candidate.citations += listOf(part['annotations']).length
  candidate.logprobs += listOf(part['logprobs']).length
}

function responsesUsage(usage: Fields): UsageReading | undefined {
  if (usage['input_tokens'] === undefined && usage['output_tokens'] === undefined) return undefined
  const input = countOf(usage['input_tokens'])
  const details = fieldsOf(usage['input_tokens_details'])
  const reasoning = countOf(fieldsOf(usage['output_tokens_details'])['reasoning_tokens'])
  return {
    input,
    // A recording counts less than nothing; the reasoning alone is more.
    output: isCount(usage['output_tokens']) ? countOf(usage['output_tokens']) : reasoning,
    cacheRead: Math.min(input, countOf(details['cached_tokens'])),
    cacheWrite: Math.min(input, countOf(details['cache_write_tokens'])),
    reasoning,
  }
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && value >= 0
}

function errorOf(answer: Fields): ErrorReading {
  const { error } = answer
  const { type, code, message } = fieldsOf(error)
  const status = countOf(answer['status']) || 200
  return { status, type: textOf(type), code: textOf(code), message: textOf(message) || textOf(error) }
}
