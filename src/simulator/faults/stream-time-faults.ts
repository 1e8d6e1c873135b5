/** Faults of a stream's course in time: late, silent, stalled, cut, or without an end. */

import type { SimulatedCall, StreamItem } from '../call.ts'
import { frameOf, framerOf, framingOf, piecesOf, streamHead, streamSteps, voiceOf } from '../call.ts'
import { choice, defineFault, number } from '../fault.ts'
import type { Fault } from '../fault.ts'
import { isSse, type StreamPiece } from '../piece.ts'
import { SIMULATED_DIALECTS } from '../request.ts'
import type { Step } from '../step.ts'
import { CUTS, cut, FLUSH, HANG, wait, write } from '../step.ts'
import { saying } from './content-faults.ts'
import { breakAtToken, insertAtToken, splitAtToken, without } from './stream-places.ts'
import { ARGUMENT_STREAMS, callingTool } from './tool-faults.ts'

const beginningFaults = [
  defineFault({
    name: 'late-first-token',
    description: 'The stream opens at once and its first token comes late.',
    befalls: 'stream',
    parameters: { ms: number(20_000, 'silence before the first token') },
    conduct: (call, { ms }) => ({ steps: streamSteps(call, insertAtToken(piecesOf(call), 0, [wait(ms)])) }),
  }),
  defineFault({
    name: 'never-first-token',
    description: 'The stream opens and its first token never comes.',
    befalls: 'stream',
    conduct: (call) => ({ steps: streamSteps(call, breakAtToken(piecesOf(call), 0, [HANG])) }),
  }),
  defineFault({
    name: 'head-only',
    description: 'The head of the stream comes and then nothing, not even an empty event.',
    befalls: 'stream',
    conduct: (call) => ({ steps: [streamHead(call), HANG] }),
  }),
  defineFault({
    name: 'only-pings',
    description: 'The stream opens and shows nothing but signs of life, for ever.',
    befalls: 'stream',
    framings: ['sse', 'sse-crlf', 'ndjson', 'eventstream'],
    parameters: {
      kind: choice(['comments', 'pings', 'empty-deltas'], 'the sign of life'),
      everyMs: number(1000, 'time between two of them', 1),
    },
    conduct: (call, { kind, everyMs }) => ({ steps: onlyPings(call, kind, everyMs) }),
  }),
  defineFault({
    name: 'reset-after-start',
    description: 'The stream opens with its role or message_start and is reset before any content.',
    befalls: 'stream',
    conduct: (call) => ({
      steps: streamSteps(call, breakAtToken(piecesOf(call), 0, [FLUSH, cut('rst')])),
    }),
  }),
]

function* onlyPings(
  call: SimulatedCall,
  kind: 'comments' | 'pings' | 'empty-deltas',
  everyMs: number,
): Iterable<Step> {
  const [opening] = splitAtToken(piecesOf(call), 0)
  yield* streamSteps(call, opening)
  const sign = signOfLife(call, kind, opening)
  for (;;) {
    yield wait(everyMs)
    yield write(sign)
  }
}

function signOfLife(
  call: SimulatedCall,
  kind: 'comments' | 'pings' | 'empty-deltas',
  opening: readonly StreamPiece[],
): string | Uint8Array {
  const { dialect } = call.request
  const isSseStream = isSse(framingOf(call.request))
  const frame = framerOf(call)
  if (kind === 'comments' && isSseStream) return ': keep-alive\n\n'
  if (kind === 'pings' && isSseStream && dialect !== 'anthropic-messages') return ': ping\n\n'
  const [first] = opening
  if (kind === 'empty-deltas' && dialect === 'openai-chat' && first) return frame(first)
  const isEmptyDelta = kind === 'empty-deltas' && dialect === 'anthropic-messages'
  return frame(isEmptyDelta ? EMPTY_DELTA : voiceOf(call).quietPiece(frameOf(call)))
}

const EMPTY_DELTA: StreamPiece = {
  kind: 'other',
  event: 'content_block_delta',
  data: '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}',
  tokens: 0,
}

/** All but the older completions, which have no place for it. */
const REASONING_DIALECTS = SIMULATED_DIALECTS.filter((dialect) => dialect !== 'openai-completions')

const cutFaults = [
  defineFault({
    name: 'cut-stream',
    description: 'The stream breaks off after some tokens: by reset, by an orderly close, or inside a chunk.',
    befalls: 'stream',
    parameters: {
      token: number(40, 'tokens shown before the break'),
      by: choice(CUTS, 'how it breaks off'),
    },
    conduct: (call, { token, by }) => ({
      steps: streamSteps(call, breakAtToken(piecesOf(call), token, [FLUSH, cut(by)])),
    }),
  }),
  defineFault({
    name: 'stall',
    description: 'The stream falls silent after some tokens and resumes later, if ever.',
    befalls: 'stream',
    parameters: {
      token: number(5, 'tokens shown before the silence'),
      ms: number(30_000, 'the silence; 0 for ever'),
    },
    conduct: (call, { token, ms }) => ({
      steps: streamSteps(call, insertAtToken(piecesOf(call), token, [ms === 0 ? HANG : wait(ms)])),
    }),
  }),
  defineFault({
    name: 'cut-tool-arguments',
    description: 'The stream breaks off in the middle of a tool call’s arguments.',
    befalls: 'stream',
    dialects: ARGUMENT_STREAMS,
    parameters: { token: number(2, 'tokens of arguments shown'), by: choice(CUTS, 'how it breaks off') },
    conduct: (call, { token, by }) => ({
      steps: streamSteps(call, breakAtToken(piecesOf(callingTool(call)), token, [FLUSH, cut(by)])),
    }),
  }),
  defineFault({
    name: 'cut-reasoning',
    description: 'The stream breaks off in the middle of the reasoning.',
    befalls: 'stream',
    dialects: REASONING_DIALECTS,
    parameters: { token: number(3, 'tokens of reasoning shown'), by: choice(CUTS, 'how it breaks off') },
    conduct: (call, { token, by }) => ({
      steps: streamSteps(call, breakAtToken(piecesOf(reasoning(call)), token, [FLUSH, cut(by)])),
    }),
  }),
]

function reasoning(call: SimulatedCall): SimulatedCall {
  const thought = {
    type: 'reasoning',
    text: 'Simulated reasoning that will be cut short somewhere.',
  } as const
  const choices = call.script.choices.map((each) => ({ ...each, parts: [thought, ...each.parts] }))
  return saying(call, { ...call.script, choices })
}

/** The dialects whose streams end with a marker apart from the reason to finish. */
const MARKED = ['openai-chat', 'anthropic-messages', 'openai-completions'] as const

const endingFaults = [
  defineFault({
    name: 'no-finish',
    description: 'The stream ends in good order with neither a reason to finish nor a terminal marker.',
    befalls: 'stream',
    conduct: (call) => ({ steps: streamSteps(call, without(piecesOf(call), 'finish', 'usage', 'done')) }),
  }),
  defineFault({
    name: 'done-without-finish',
    description: 'The terminal marker comes without any reason to finish.',
    befalls: 'stream',
    dialects: MARKED,
    conduct: (call) => ({ steps: streamSteps(call, without(piecesOf(call), 'finish', 'usage')) }),
  }),
  defineFault({
    name: 'no-done',
    description:
      'The reason to finish comes, the terminal marker does not, and the socket stays open or closes.',
    befalls: 'stream',
    dialects: MARKED,
    parameters: { end: choice(['hold', 'close'], 'what happens to the socket') },
    conduct: (call, { end }) => ({
      steps: streamSteps(call, [...without(piecesOf(call), 'done'), ...(end === 'hold' ? [HANG] : [])]),
    }),
  }),
  defineFault({
    name: 'hold-after-done',
    description: 'The stream is whole, terminal marker and all, and the socket stays open.',
    befalls: 'stream',
    conduct: (call) => ({ steps: streamSteps(call, [...piecesOf(call), HANG]) }),
  }),
  defineFault({
    name: 'endless-generation',
    description: 'The model repeats itself for ever.',
    befalls: 'stream',
    parameters: { everyMs: number(0, 'time between two tokens') },
    conduct: (call, { everyMs }) => ({ steps: streamSteps(call, endlessItems(call, everyMs)) }),
  }),
]

function* endlessItems(call: SimulatedCall, everyMs: number): Iterable<StreamItem> {
  const said = {
    ...call.script,
    choices: [{ parts: [{ type: 'text', text: 'again' }], finish: 'stop' }],
  } as const
  const [opening, rest] = splitAtToken(piecesOf(saying(call, said)), 0)
  yield* opening
  const [token] = rest
  if (!token) return
  for (;;) {
    yield token
    if (everyMs > 0) yield wait(everyMs)
  }
}

export const streamTimeFaults: readonly Fault[] = [...beginningFaults, ...cutFaults, ...endingFaults]
