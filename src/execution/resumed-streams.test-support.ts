/** One answer as each client dialect streams it, by hand as its provider does, and ways to cut it and to go on. */

import type { InferenceEvent } from '../canonical/event.ts'
import { createFold } from '../canonical/fold.ts'
import type { InferenceResult } from '../canonical/result.ts'
import type {
  Delivered,
  Dialect,
  ResumedStream,
  TargetDialect,
  WriteAnswerOptions,
} from '../dialects/dialect.ts'
import { anthropicMessages, gemini, openaiChat, openaiResponses } from '../dialects/index.ts'
import { createSplice, type SpliceMode } from './splice.ts'

type Step =
  | { readonly type: 'reasoning'; readonly texts: readonly string[] }
  | { readonly type: 'text'; readonly texts: readonly string[] }
  | {
      readonly type: 'call'
      readonly id: string
      readonly name: string
      readonly arguments: readonly string[]
    }

export type Story = readonly Step[]

const words: Step = {
  type: 'text',
  texts: ['It is 21', '\u00a0°C \u{1f324}', ' in "Zürich"\n', 'to', 'day.'],
}
const thoughts: Step = { type: 'reasoning', texts: ['Look', ' it up.'] }
const call: Step = { type: 'call', id: 'call_1', name: 'weather', arguments: ['{"city":', '"Zürich"}'] }

export const stories: ReadonlyMap<string, Story> = new Map([
  ['text', [words]],
  ['text after reasoning', [thoughts, words]],
  ['text after a finished tool call', [call, words]],
  ['a tool call after text', [words, call]],
])

/** A client dialect and how its provider streams a story: its events as text, one by one. */
export interface Voice {
  readonly dialect: Dialect
  events(story: Story): readonly string[]
}

const named = (value: { readonly type: string; readonly [field: string]: unknown }) =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`

const chat: Voice = {
  dialect: openaiChat,
  events(story) {
    const chunk = (choices: unknown, more: object = {}) =>
      `data: ${JSON.stringify({ id: 'chatcmpl-7', object: 'chat.completion.chunk', created: 1_750_000_000, model: 'm-1', choices, ...more })}\n\n`
    const delta = (fields: object, finish: string | null = null) =>
      chunk([{ index: 0, delta: fields, finish_reason: finish }])
    const steps = story.flatMap((step): string[] => {
      if (step.type === 'text') return step.texts.map((content) => delta({ content }))
      if (step.type === 'reasoning') return step.texts.map((text) => delta({ reasoning_content: text }))
      const { id, name } = step
      const start = { index: 0, id, type: 'function', function: { name, arguments: '' } }
      const pieces = step.arguments.map((text) =>
        delta({ tool_calls: [{ index: 0, function: { arguments: text } }] }),
      )
      return [delta({ tool_calls: [start] }), ...pieces]
    })
    const finish = story.some(({ type }) => type === 'call') ? 'tool_calls' : 'stop'
    const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 }
    return [
      delta({ role: 'assistant', content: '' }),
      ...steps,
      delta({}, finish),
      chunk([], { usage }),
      'data: [DONE]\n\n',
    ]
  },
}

const messages: Voice = {
  dialect: anthropicMessages,
  events(story) {
    const block = (index: number, content_block: object, deltas: readonly object[]) => [
      named({ type: 'content_block_start', index, content_block }),
      ...deltas.map((delta) => named({ type: 'content_block_delta', index, delta })),
      named({ type: 'content_block_stop', index }),
    ]
    const steps = story.flatMap((step, index): string[] => {
      if (step.type === 'text')
        return block(
          index,
          { type: 'text', text: '' },
          step.texts.map((text) => ({ type: 'text_delta', text })),
        )
      if (step.type === 'reasoning')
        return block(index, { type: 'thinking', thinking: '', signature: '' }, [
          ...step.texts.map((thinking) => ({ type: 'thinking_delta', thinking })),
          { type: 'signature_delta', signature: 'c2ln' },
        ])
      const { id, name } = step
      const pieces = step.arguments.map((partial_json) => ({ type: 'input_json_delta', partial_json }))
      return block(index, { type: 'tool_use', id, name, input: {} }, pieces)
    })
    const message = {
      id: 'msg_7',
      type: 'message',
      role: 'assistant',
      model: 'm-1',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 11, output_tokens: 1 },
    }
    const stop_reason = story.some(({ type }) => type === 'call') ? 'tool_use' : 'end_turn'
    const end = { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 7 } }
    return [
      named({ type: 'message_start', message }),
      named({ type: 'ping' }),
      ...steps,
      named({ type: 'message_delta', ...end }),
      named({ type: 'message_stop' }),
    ]
  },
}

const responses: Voice = {
  dialect: openaiResponses,
  events(story) {
    const all: { type: string }[] = []
    const say = (type: string, fields: object) => all.push({ type, ...fields })
    const items = story.map((step, output_index) => responsesItem(step, output_index, say))
    const base = {
      id: 'resp_7',
      object: 'response',
      created_at: 1_750_000_000,
      model: 'm-1',
      metadata: { k: 'v' },
    }
    const usage = { input_tokens: 11, output_tokens: 7, total_tokens: 18 }
    const begun = { ...base, status: 'in_progress', output: [] }
    const whole = { ...base, status: 'completed', output: items, usage }
    return [
      { type: 'response.created', response: begun },
      { type: 'response.in_progress', response: begun },
      ...all,
      { type: 'response.completed', response: whole },
    ].map((event, sequence_number) => named({ ...event, sequence_number }))
  },
}

function responsesItem(
  step: Step,
  output_index: number,
  say: (type: string, fields: object) => void,
): object {
  const id = `item_${output_index}`
  const at = { output_index, item_id: id }
  const end = (item: object) => {
    say('response.output_item.done', { output_index, item })
    return item
  }
  const begin = (item: object) => say('response.output_item.added', { output_index, item })
  if (step.type === 'call') {
    const text = step.arguments.join('')
    const item = { id, type: 'function_call', call_id: step.id, name: step.name }
    begin({ ...item, status: 'in_progress', arguments: '' })
    for (const delta of step.arguments) say('response.function_call_arguments.delta', { ...at, delta })
    say('response.function_call_arguments.done', { ...at, name: step.name, arguments: text })
    return end({ ...item, status: 'completed', arguments: text })
  }
  const text = step.texts.join('')
  if (step.type === 'reasoning') {
    const inPart = { ...at, summary_index: 0 }
    const part = { type: 'summary_text', text }
    begin({ id, type: 'reasoning', summary: [] })
    say('response.reasoning_summary_part.added', { ...inPart, part: { ...part, text: '' } })
    for (const delta of step.texts) say('response.reasoning_summary_text.delta', { ...inPart, delta })
    say('response.reasoning_summary_text.done', { ...inPart, text })
    say('response.reasoning_summary_part.done', { ...inPart, part })
    return end({ id, type: 'reasoning', summary: [part], encrypted_content: 'c2ln' })
  }
  const inPart = { ...at, content_index: 0 }
  const part = { type: 'output_text', annotations: [], logprobs: [], text }
  const item = { id, type: 'message', role: 'assistant', phase: 'final_answer' }
  begin({ ...item, status: 'in_progress', content: [] })
  say('response.content_part.added', { ...inPart, part: { ...part, text: '' } })
  for (const delta of step.texts) say('response.output_text.delta', { ...inPart, delta, logprobs: [] })
  say('response.output_text.done', { ...inPart, text, logprobs: [] })
  say('response.content_part.done', { ...inPart, part })
  return end({ ...item, status: 'completed', content: [part] })
}

const contents: Voice = {
  dialect: gemini,
  events(story) {
    const response = (parts: readonly object[], more: object = {}) =>
      `data: ${JSON.stringify({
        candidates: [{ content: { parts, role: 'model' }, index: 0, ...more }],
        modelVersion: 'm-1',
        responseId: 'answer-7',
      })}\r\n\r\n`
    const steps = story.flatMap((step): string[] => {
      if (step.type === 'text') return step.texts.map((text) => response([{ text }]))
      if (step.type === 'call') {
        const { id, name } = step
        return [
          response([{ functionCall: { id, name, args: JSON.parse(step.arguments.join('')) as object } }]),
        ]
      }
      const last = { text: '', thought: true, thoughtSignature: 'c2ln' }
      return [...step.texts.map((text) => response([{ text, thought: true }])), response([last])]
    })
    return [...steps, response([{ text: '' }], { finishReason: 'STOP' })]
  },
}

export const voices: readonly Voice[] = [chat, messages, responses, contents]

export const options: WriteAnswerOptions = {
  responseId: 'id_own',
  modelId: 'own-model',
  createdAtS: 5,
  wantsUsage: true,
}

export function readAll(dialect: TargetDialect, text: string): readonly InferenceEvent[] {
  const reader = dialect.createStreamReader()
  return [...reader.read(Buffer.from(text)), ...reader.end()]
}

export function foldAll(events: readonly InferenceEvent[]): InferenceResult {
  const fold = createFold()
  for (const event of events) fold.add(event)
  return fold.result()
}

/** The stream resumed after the first `count` events; `undefined` where it cannot be. */
export function resumeAt(voice: Voice, story: Story, count: number): ResumedStream | undefined {
  const delivered = voice
    .events(story)
    .slice(0, count)
    .map((event) => Buffer.from(event))
  const resumed = voice.dialect.resumeStream(delivered, options)
  return resumed?.delivered.isRescuable === true ? resumed : undefined
}

/** What the client reads in the end: what it had, and what is said from these events; `undefined` where they diverge. */
export function goOn(
  had: string,
  { writer, delivered }: ResumedStream,
  mode: SpliceMode,
  events: readonly InferenceEvent[],
): string | undefined {
  const splice = createSplice(delivered, mode)
  let text = had
  for (const event of events) for (const out of splice.add([event])) text += writer.write(out)
  return splice.hasDiverged || !splice.isCaughtUp ? undefined : text + writer.end()
}

/** What a provider answers that goes on with the text: its own ids, its own numbering, what is left of the story. */
export function remainder(story: Story, delivered: Delivered): readonly InferenceEvent[] {
  const events: InferenceEvent[] = [{ type: 'answer-start', responseId: 'other-9', modelId: 'm-9' }]
  let chars = delivered.text.length
  let calls = delivered.parts.filter(({ type }) => type === 'tool-call').length
  let part = 0
  for (const step of story) {
    if (step.type === 'text') {
      const rest = step.texts.join('').slice(chars)
      chars = Math.max(0, chars - step.texts.join('').length)
      if (rest === '') continue
      const at = { candidate: 0, part }
      events.push({ type: 'text-start', ...at })
      for (const text of [rest.slice(0, 3), rest.slice(3)]) events.push({ type: 'text-delta', text, ...at })
      events.push({ type: 'text-end', ...at })
      part += 1
    } else if (step.type === 'call') {
      calls -= 1
      if (calls >= 0) continue
      const at = { candidate: 0, part }
      events.push({ type: 'tool-call-start', id: step.id, name: step.name, ...at })
      events.push({ type: 'tool-call-delta', argumentsDelta: step.arguments.join(''), ...at })
      events.push({ type: 'tool-call-end', ...at })
      part += 1
    }
  }
  const reason = story.some(({ type }) => type === 'call') ? 'tool-calls' : 'stop'
  events.push({ type: 'finish', candidate: 0, finish: { reason } })
  events.push({ type: 'usage-update', usage: { inputTokens: 20, outputTokens: 3 } })
  return events
}
