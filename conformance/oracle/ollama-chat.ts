/** What a recorded answer of Ollama's own chat API says; its streams are one JSON object a line. */

import { countOf, type Fields, fieldsOf, isSaid, listOf, parsed, textOf } from './json.ts'
import { AnswerDraft, type FinishKind, type Verdict } from './reading.ts'

const finishKinds: Readonly<Record<string, FinishKind>> = { stop: 'stop', length: 'length' }

export function ollamaPlain(body: unknown): Verdict {
  return verdictOf([fieldsOf(body)], 'plain')
}

export function ollamaStream(text: string): Verdict {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return verdictOf(
    lines.map((line) => fieldsOf(parsed(line))),
    'stream',
  )
}

function verdictOf(chunks: readonly Fields[], form: 'plain' | 'stream'): Verdict {
  const draft = new AnswerDraft()
  const candidate = draft.candidate(0)
  for (const chunk of chunks) {
    if (isSaid(chunk['error'])) {
      const message = textOf(chunk['error'])
      return { kind: 'error', error: { status: 200, type: '', code: '', message } }
    }
    if (Array.isArray(chunk['choices'])) return { kind: 'foreign' }
    const message = fieldsOf(chunk['message'])
    candidate.text += textOf(message['content'])
    candidate.reasoning += textOf(message['thinking'])
    for (const value of listOf(message['tool_calls'])) {
      const { name, arguments: input } = fieldsOf(fieldsOf(value)['function'])
      const written = typeof input === 'string' ? input : JSON.stringify(input ?? {})
      candidate.calls.push({ key: '', name: textOf(name), written, isCustom: false })
    }
    if (chunk['done'] === true) {
      candidate.finish = finishKinds[textOf(chunk['done_reason']) || 'stop'] ?? 'other'
      draft.usage = ollamaUsage(chunk)
    }
  }
  return form === 'plain' ? draft.verdictOfPlain() : draft.verdictOfStream()
}

function ollamaUsage(chunk: Fields) {
  const { prompt_eval_count: input, eval_count: output } = chunk
  if (input === undefined && output === undefined) return undefined
  return { input: countOf(input), output: countOf(output), cacheRead: 0, cacheWrite: 0, reasoning: 0 }
}
