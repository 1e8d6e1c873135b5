/** What a recorded answer of Bedrock's Converse API says; its streams are binary frames, or their payloads as events. */

import { frames } from './event-stream.ts'
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
  guardrail_intervened: 'content-filter',
  content_filtered: 'content-filter',
  malformed_model_output: 'malformed-tool-call',
  malformed_tool_use: 'malformed-tool-call',
  model_context_window_exceeded: 'context-window',
}

export function bedrockPlain(body: unknown): Verdict {
  const answer = fieldsOf(body)
  const message = fieldsOf(fieldsOf(answer['output'])['message'])
  if (!Array.isArray(message['content'])) return { kind: 'none', reason: 'no message' }
  const draft = new AnswerDraft()
  const candidate = draft.candidate(0)
  for (const block of listOf(message['content'])) addBlock(candidate, fieldsOf(block))
  candidate.finish = finishKinds[textOf(answer['stopReason'])] ?? 'other'
  draft.usage = bedrockUsage(fieldsOf(answer['usage']))
  return draft.verdictOfPlain()
}

export function bedrockStream(bytes: Buffer): Verdict {
  const draft = new AnswerDraft()
  const candidate = draft.candidate(0)
  const blocks = new Map<unknown, StreamedBlock>()
  for (const { type, event } of eventsOf(bytes)) {
    const index = event['contentBlockIndex']
    if (type === 'contentBlockStart') blocks.set(index, new StreamedBlock(fieldsOf(event['start'])))
    if (type === 'contentBlockDelta') {
      const block = blocks.get(index) ?? new StreamedBlock({})
      blocks.set(index, block)
      block.add(fieldsOf(event['delta']))
    }
    if (type === 'messageStop') candidate.finish = finishKinds[textOf(event['stopReason'])] ?? 'other'
    if (type === 'metadata') draft.usage = bedrockUsage(fieldsOf(event['usage']))
    if (type.endsWith('Exception')) {
      return { kind: 'error', error: { status: 200, type, code: '', message: textOf(event['message']) } }
    }
  }
  for (const block of blocks.values()) addBlock(candidate, block.whole())
  return draft.verdictOfStream()
}

function eventsOf(bytes: Buffer): readonly { readonly type: string; readonly event: Fields }[] {
  if (bytes[0] === 0) {
    return frames(bytes).map(({ headers, payload }) => ({
      type: headers[':event-type'] ?? headers[':exception-type'] ?? '',
      event: fieldsOf(parsed(payload)),
    }))
  }
  return serverEvents(bytes.toString()).map(({ data }) => {
    const [type = '', event] = Object.entries(fieldsOf(parsed(data)))[0] ?? []
    return { type, event: fieldsOf(event) }
  })
}

function addBlock(candidate: CandidateDraft, block: Fields): void {
  const call = fieldsOf(block['toolUse'])
  const thought = fieldsOf(block['reasoningContent'])
  const cited = fieldsOf(block['citationsContent'])
  if (isSaid(block['toolUse']) && call['type'] !== 'server_tool_use') {
    const { name, input } = call
    const written = typeof input === 'string' ? input : JSON.stringify(input ?? {})
    candidate.calls.push({ key: '', name: textOf(name), written, isCustom: false })
  } else if (isSaid(block['reasoningContent'])) {
    const { text, signature } = fieldsOf(thought['reasoningText'])
    candidate.reasoning += textOf(text)
    if (isSaid(signature) || isSaid(thought['redactedContent'])) candidate.proofs += 1
  } else if (isSaid(block['citationsContent'])) {
    for (const piece of listOf(cited['content'])) candidate.text += textOf(fieldsOf(piece)['text'])
    candidate.citations += listOf(cited['citations']).length
  } else if (typeof block['text'] === 'string') {
    candidate.text += block['text']
    candidate.citations += listOf(block['citations']).length
  } else candidate.others += 1
}

/** A block as its deltas make it, in the form of a plain answer's. */
class StreamedBlock {
  readonly #start: Fields
  #text = ''
  #input = ''
  #reasoning = ''
  #proof: unknown
  #redacted: unknown
  #citations = 0

  constructor(start: Fields) {
    this.#start = start
  }

  add(delta: Fields): void {
    const thought = fieldsOf(delta['reasoningContent'])
    this.#text += textOf(delta['text'])
    this.#input += textOf(fieldsOf(delta['toolUse'])['input'])
    this.#reasoning += textOf(thought['text'])
    this.#proof ??= thought['signature']
    this.#redacted ??= thought['redactedContent'] ?? thought['data']
    if (isSaid(delta['citation'])) this.#citations += 1
  }

  whole(): Fields {
    const { toolUse } = this.#start
    if (isSaid(toolUse)) return { toolUse: { ...fieldsOf(toolUse), input: this.#input } }
    if (isSaid(this.#redacted)) return { reasoningContent: { redactedContent: this.#redacted } }
    if (this.#reasoning !== '' || isSaid(this.#proof)) {
      return { reasoningContent: { reasoningText: { text: this.#reasoning, signature: this.#proof } } }
    }
    if (Object.keys(this.#start).length > 0) return this.#start
    return { text: this.#text, citations: Array.from({ length: this.#citations }) }
  }
}

/** Bedrock leaves cached tokens out of its input tokens, as Anthropic does. */
function bedrockUsage(usage: Fields): UsageReading | undefined {
  if (usage['inputTokens'] === undefined && usage['outputTokens'] === undefined) return undefined
  const cacheRead = countOf(usage['cacheReadInputTokens'] ?? usage['cacheReadInputTokenCount'])
  const cacheWrite = countOf(usage['cacheWriteInputTokens'] ?? usage['cacheWriteInputTokenCount'])
  return {
    input: countOf(usage['inputTokens']) + cacheRead + cacheWrite,
    output: countOf(usage['outputTokens']),
    cacheRead,
    cacheWrite,
    reasoning: 0,
  }
}
