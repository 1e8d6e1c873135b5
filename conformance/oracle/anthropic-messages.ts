/** What a recorded answer of Anthropic's Messages API says. */

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
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  tool_use: 'tool-calls',
  pause_turn: 'pause',
  refusal: 'refusal',
  model_context_window_exceeded: 'context-window',
}

export function anthropicPlain(body: unknown): Verdict {
  const answer = fieldsOf(body)
  if (answer['type'] === 'error') return errorVerdict(answer)
  if (!Array.isArray(answer['content'])) return { kind: 'none', reason: 'no content' }
  const draft = new AnswerDraft()
  const candidate = draft.candidate(0)
  for (const block of listOf(answer['content'])) {
    new BlockReader(candidate, fieldsOf(block)).close()
  }
  addStop(candidate, answer)
  draft.usage = anthropicUsage(fieldsOf(answer['usage']))
  return draft.verdictOfPlain()
}

export function anthropicStream(text: string): Verdict {
  const draft = new AnswerDraft()
  const candidate = draft.candidate(0)
  const blocks = new Map<unknown, BlockReader>()
  let usage: Fields = {}
  for (const { data } of serverEvents(text)) {
    const event = fieldsOf(parsed(data))
    switch (event['type']) {
      case 'error':
        return errorVerdict(event)
      case 'message_start': {
        const { output_tokens: _placeholder, ...counts } = fieldsOf(fieldsOf(event['message'])['usage'])
        usage = counts
        break
      }
      case 'content_block_start':
        blocks.set(event['index'], new BlockReader(candidate, fieldsOf(event['content_block'])))
        break
      case 'content_block_delta':
        blocks.get(event['index'])?.add(fieldsOf(event['delta']))
        break
      case 'content_block_stop':
        blocks.get(event['index'])?.close()
        break
      case 'message_delta':
        addStop(candidate, fieldsOf(event['delta']))
        usage = { ...usage, ...saidFields(fieldsOf(event['usage'])) }
        break
    }
    // What follows the end belongs to nobody.
    if (event['type'] === 'message_stop') break
  }
  draft.usage = anthropicUsage(usage)
  return draft.verdictOfStream()
}

function saidFields(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))
}

/** One block of content, as it grows. */
class BlockReader {
  readonly #candidate: CandidateDraft
  readonly #block: Fields
  #text: string
  #json = ''

  constructor(candidate: CandidateDraft, block: Fields) {
    this.#candidate = candidate
    this.#block = block
    this.#text = textOf(block['text'] ?? block['thinking'])
    candidate.citations += listOf(block['citations']).length
    if (isSaid(block['signature']) || block['type'] === 'redacted_thinking') candidate.proofs += 1
  }

  add(delta: Fields): void {
    this.#text += textOf(delta['text'] ?? delta['thinking'])
    this.#json += textOf(delta['partial_json'])
    if (isSaid(delta['signature'])) this.#candidate.proofs += 1
    if (delta['type'] === 'citations_delta') this.#candidate.citations += 1
  }

  close(): void {
    const { type, name, input } = this.#block
    if (type === 'text') this.#candidate.text += this.#text
    else if (type === 'thinking') this.#candidate.reasoning += this.#text
    else if (type === 'tool_use') {
      const written = this.#json || JSON.stringify(input ?? {})
      this.#candidate.calls.push({ key: '', name: textOf(name), written, isCustom: false })
    } else if (type !== 'redacted_thinking') this.#candidate.others += 1
  }
}

function addStop(candidate: CandidateDraft, source: Fields): void {
  const word = textOf(source['stop_reason'])
  if (word !== '') candidate.finish = finishKinds[word] ?? 'other'
}

/** Where one answer took several runs (compaction), the top-level counts leave runs out and all are listed. */
function anthropicUsage(usage: Fields): UsageReading | undefined {
  if (usage['input_tokens'] === undefined && usage['output_tokens'] === undefined) return undefined
  const iterations = listOf(usage['iterations']).map(fieldsOf)
  const runs = iterations.some(({ type }) => type !== 'message') ? iterations : [usage]
  const sum = (name: string) => runs.reduce((total, run) => total + countOf(run[name]), 0)
  const cacheRead = sum('cache_read_input_tokens')
  const cacheWrite = sum('cache_creation_input_tokens')
  return {
    input: sum('input_tokens') + cacheRead + cacheWrite,
    output: sum('output_tokens'),
    cacheRead,
    cacheWrite,
    reasoning: countOf(fieldsOf(usage['output_tokens_details'])['thinking_tokens']),
  }
}

function errorVerdict(answer: Fields): Verdict {
  const { type, message } = fieldsOf(answer['error'])
  return { kind: 'error', error: { status: 200, type: textOf(type), code: '', message: textOf(message) } }
}
