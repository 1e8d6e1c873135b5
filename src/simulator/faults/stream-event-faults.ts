/** Faults of single events in a stream: malformed, misplaced, repeated, contradictory, or an error. */

import type { SimulatedCall, StreamItem } from '../call.ts'
import { frameOf, framingOf, piecesOf, streamSteps, voiceOf } from '../call.ts'
import { openAiUsage } from '../encode-openai.ts'
import { choice, defineFault, number, text } from '../fault.ts'
import type { Fault } from '../fault.ts'
import { isArrayEnd, isSse, type StreamPiece } from '../piece.ts'
import type { Refusal } from '../refusal.ts'
import { plainRefusal } from '../refusal.ts'
import { stopAtTokens } from '../script.ts'
import { type Conduct, write } from '../step.ts'
import { changedPiece, saying, spoken } from './content-faults.ts'
import { insertAtToken, splitAtToken, without } from './stream-places.ts'

const ERRORS: Readonly<
  Record<'overloaded' | 'server' | 'rate-limit' | 'quota' | 'context-length' | 'policy', Refusal>
> = {
  overloaded: { ...plainRefusal(529, 'Overloaded'), type: 'overloaded_error', code: 'overloaded' },
  server: { ...plainRefusal(500, 'The server had an error. Simulated.'), code: 'server_error' },
  'rate-limit': { ...plainRefusal(429, 'Rate limit reached. Simulated.'), code: 'rate_limit_exceeded' },
  quota: {
    ...plainRefusal(429, 'You exceeded your current quota. Simulated.'),
    type: 'insufficient_quota',
    code: 'insufficient_quota',
  },
  'context-length': {
    ...plainRefusal(400, "This model's maximum context length is 8192 tokens."),
    code: 'context_length_exceeded',
  },
  policy: { ...plainRefusal(400, 'Rejected by the safety system.'), code: 'content_policy_violation' },
}

const errorKind = choice(
  ['overloaded', 'server', 'rate-limit', 'quota', 'context-length', 'policy'],
  'the error',
)
const errorStyle = choice(
  ['event', 'openrouter', 'line', 'field'],
  'how it is told: as the dialect does, as OpenRouter does, as a bare JSON line, or as an `error:` field',
)

const errorFaults = [
  defineFault({
    name: 'error-before-content',
    description: 'A stream with status 200 holds an error before any content, and ends.',
    befalls: 'stream',
    parameters: { error: errorKind, style: errorStyle },
    conduct: (call, { error, style }) => failing(call, { token: 0, error, style }),
  }),
  defineFault({
    name: 'error-after-content',
    description: 'A stream holds an error after some content, and ends.',
    befalls: 'stream',
    parameters: { token: number(5, 'tokens shown before'), error: errorKind, style: errorStyle },
    conduct: failing,
  }),
  defineFault({
    name: 'error-line',
    description: 'An error comes as a raw line of JSON that is no event field, and the stream ends.',
    befalls: 'stream',
    framings: ['sse', 'sse-crlf'],
    parameters: { token: number(5, 'tokens shown before'), error: errorKind },
    conduct: (call, values) => failing(call, { ...values, style: 'line' }),
  }),
]

type ErrorStyle = 'event' | 'openrouter' | 'line' | 'field'

interface Failing {
  readonly token: number
  readonly error: keyof typeof ERRORS
  readonly style: ErrorStyle
}

/** The stream up to a token, then the error, and nothing more but what the framing needs. */
function failing(call: SimulatedCall, { token, error, style }: Failing): Conduct {
  const pieces = piecesOf(call)
  const [before] = splitAtToken(pieces, token)
  const item = errorItem(call, { refusal: ERRORS[error], style, sequence: before.length })
  return { steps: streamSteps(call, [...before, item, ...pieces.filter(isArrayEnd)]) }
}

interface Telling {
  readonly refusal: Refusal
  readonly style: ErrorStyle
  /** Events before it. */
  readonly sequence: number
}

/** Only server-sent events of the OpenAI family have other styles than their own. */
function errorItem(call: SimulatedCall, { refusal, style, sequence }: Telling): StreamItem {
  if (style === 'event' || !isSse(framingOf(call.request))) {
    return voiceOf(call).errorPiece(refusal, frameOf(call), sequence)
  }
  switch (style) {
    case 'openrouter':
      return { kind: 'other', data: JSON.stringify(openRouterError(call, refusal)), tokens: 0 }
    case 'line':
      return write(
        `${JSON.stringify({ error: { code: refusal.status, message: refusal.message, status: refusal.code } })}\n\n`,
      )
    case 'field':
      return write(`error: ${JSON.stringify({ code: refusal.status, message: refusal.message })}\n\n`)
  }
}

function openRouterError(call: SimulatedCall, refusal: Refusal): object {
  const frame = frameOf(call)
  return {
    id: frame.id,
    object: 'chat.completion.chunk',
    created: frame.createdSeconds,
    model: frame.model,
    error: { code: refusal.status, message: refusal.message, metadata: { provider_name: 'simulator' } },
    choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
  }
}

const oddEventFaults = [
  defineFault({
    name: 'malformed-event',
    description: 'One event in the middle is no JSON; the rest of the stream is whole.',
    befalls: 'stream',
    parameters: {
      token: number(3, 'tokens shown before'),
      count: number(1, 'how many of them', 1, 1e5),
    },
    conduct: (call, { token, count }) => {
      const broken: StreamPiece = { kind: 'other', data: '{"choices":[{"delta":{"cont', tokens: 0 }
      const items = Array.from({ length: count }, () => broken)
      return { steps: streamSteps(call, insertAtToken(piecesOf(call), token, items)) }
    },
  }),
  defineFault({
    name: 'unknown-event',
    description: 'An event of a kind nobody knows comes in the middle.',
    befalls: 'stream',
    parameters: { token: number(3, 'tokens shown before') },
    conduct: (call, { token }) => {
      const data = JSON.stringify({ type: 'future_event', object: 'future.event', something: { new: true } })
      const piece: StreamPiece = { kind: 'other', event: 'future_event', data, tokens: 0 }
      return { steps: streamSteps(call, insertAtToken(piecesOf(call), token, [piece])) }
    },
  }),
  defineFault({
    name: 'content-filter',
    description: 'The provider ends the stream in the middle because of what was said.',
    befalls: 'stream',
    parameters: { token: number(5, 'tokens shown before') },
    conduct: (call, { token }) => {
      const choices = call.script.choices.map((each) => ({
        ...stopAtTokens(each, token),
        finish: 'content-filter' as const,
      }))
      return { steps: streamSteps(call, piecesOf(saying(call, { ...call.script, choices }))) }
    },
  }),
  defineFault({
    name: 'after-terminal',
    description: 'More content follows the terminal marker.',
    befalls: 'stream',
    conduct: (call) => {
      const pieces = piecesOf(call)
      return {
        steps: streamSteps(call, [...pieces, ...pieces.filter((piece) => piece.tokens > 0).slice(0, 3)]),
      }
    },
  }),
  defineFault({
    name: 'two-starts',
    description: 'The opening event, message_start or the role, comes twice.',
    befalls: 'stream',
    dialects: ['openai-chat', 'anthropic-messages', 'openai-responses', 'bedrock-converse', 'cohere-chat'],
    conduct: (call) => ({
      steps: streamSteps(
        call,
        piecesOf(call).flatMap((each) => (each.kind === 'start' ? [each, each] : [each])),
      ),
    }),
  }),
  defineFault({
    name: 'two-dones',
    description: 'The terminal marker, or the last event where there is none, comes twice.',
    befalls: 'stream',
    conduct: (call) => {
      const pieces = piecesOf(call)
      return { steps: streamSteps(call, [...pieces, ...pieces.slice(-1)]) }
    },
  }),
  defineFault({
    name: 'changing-ids',
    description: 'Every event carries another id.',
    befalls: 'stream',
    dialects: ['openai-chat', 'openai-completions', 'gemini'],
    conduct: (call) => ({
      steps: streamSteps(
        call,
        piecesOf(call).map((piece) => changedPiece(piece, (value) => withId(value, call.ids.next('id_')))),
      ),
    }),
  }),
  defineFault({
    name: 'sse-in-text',
    description: 'The text of the answer itself holds the syntax of events and terminal markers.',
    befalls: 'chat',
    parameters: { text: text('data: [DONE]', 'a line of the text') },
    conduct: (call, { text: line }) => {
      const words = `simulated\n\n${line}\n\nevent: message_stop\ndata: {"type":"message_stop"}\r\n\r\nstill text`
      const choices = [{ parts: [{ type: 'text' as const, text: words }], finish: 'stop' as const }]
      return spoken(saying(call, { ...call.script, choices }))
    },
  }),
]

function withId(value: Record<string, unknown>, id: string): Record<string, unknown> {
  const name = 'responseId' in value ? 'responseId' : 'id'
  return name in value ? { ...value, [name]: id } : value
}

const choicesFaults = [
  defineFault({
    name: 'stream-choices',
    description:
      'Some events have null or no choices (Messages: a null or absent delta), or only the choice of index 1.',
    befalls: 'stream',
    dialects: ['openai-chat', 'anthropic-messages', 'openai-completions'],
    parameters: { kind: choice(['null', 'empty', 'missing', 'index-1', 'delta-null'], 'what they hold') },
    conduct: (call, { kind }) => ({ steps: streamSteps(call, withChoices(call, kind)) }),
  }),
]

function withChoices(
  call: SimulatedCall,
  kind: 'null' | 'empty' | 'missing' | 'index-1' | 'delta-null',
): readonly StreamItem[] {
  const pieces = piecesOf(call)
  if (kind === 'index-1') return pieces.map((piece) => changedPiece(piece, atIndexOne))
  const [sample] = pieces.filter((piece) => piece.tokens > 0)
  if (!sample) return pieces
  const odd = changedPiece({ ...sample, kind: 'other', tokens: 0 }, (value) => withOddField(value, kind))
  return insertAtToken(pieces, 2, [odd])
}

function withOddField(value: Record<string, unknown>, kind: 'null' | 'empty' | 'missing' | 'delta-null') {
  const field = 'choices' in value ? 'choices' : 'delta'
  if (kind === 'null') return { ...value, [field]: null }
  if (kind === 'empty') return { ...value, [field]: field === 'choices' ? [] : {} }
  if (kind === 'missing') return Object.fromEntries(Object.entries(value).filter(([name]) => name !== field))
  const isOpenAi = field === 'choices'
  return { ...value, [field]: isOpenAi ? [{ index: 0, delta: null, finish_reason: null }] : null }
}

function atIndexOne(value: Record<string, unknown>): Record<string, unknown> {
  const { choices } = value
  if (Array.isArray(choices)) return { ...value, choices: choices.map((each) => ({ ...each, index: 1 })) }
  return 'index' in value ? { ...value, index: 1 } : value
}

const usageFaults = [
  defineFault({
    name: 'stream-usage',
    description:
      'Usage stands in every event (growing), twice, on the finish alone, in the tail alone, or nowhere.',
    befalls: 'stream',
    dialects: ['openai-chat', 'anthropic-messages', 'openai-completions'],
    parameters: { kind: choice(['every', 'twice', 'finish', 'tail', 'none'], 'where it stands') },
    conduct: (call, { kind }) => ({ steps: streamSteps(call, withUsage(call, kind)) }),
  }),
]

function withUsage(
  call: SimulatedCall,
  kind: 'every' | 'twice' | 'finish' | 'tail' | 'none',
): readonly StreamPiece[] {
  const asking = { ...call, request: { ...call.request, includeUsage: true } }
  const pieces = piecesOf(asking)
  switch (kind) {
    case 'tail':
      return pieces
    case 'none':
      return without(pieces, 'usage').map((piece) => changedPiece(piece, withoutUsage))
    case 'twice':
      return pieces.flatMap((piece) => (isUsageCarrier(piece, call) ? [piece, piece] : [piece]))
    case 'finish':
      return without(pieces, 'usage').map((piece) =>
        piece.kind === 'finish' ? counted(piece, call, call.script.usage.outputTokens) : piece,
      )
    case 'every':
      return everyCounted(pieces, call)
  }
}

/** Where the dialect puts usage at the end: an event of its own, or message_delta. */
function isUsageCarrier(piece: StreamPiece, call: SimulatedCall): boolean {
  return piece.kind === (call.request.dialect === 'anthropic-messages' ? 'finish' : 'usage')
}

function withoutUsage(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== 'usage'))
}

function everyCounted(pieces: readonly StreamPiece[], call: SimulatedCall): readonly StreamPiece[] {
  let shown = 0
  return pieces.map((piece) => {
    shown += piece.tokens
    return piece.kind === 'usage' || piece.kind === 'done' ? piece : counted(piece, call, shown)
  })
}

function counted(piece: StreamPiece, call: SimulatedCall, outputTokens: number): StreamPiece {
  const usage =
    call.request.dialect === 'anthropic-messages'
      ? { input_tokens: call.script.usage.inputTokens, output_tokens: outputTokens }
      : openAiUsage({ ...call.script.usage, outputTokens })
  return changedPiece(piece, (value) => ({ ...value, usage }))
}

export const streamEventFaults: readonly Fault[] = [
  ...errorFaults,
  ...oddEventFaults,
  ...choicesFaults,
  ...usageFaults,
]
