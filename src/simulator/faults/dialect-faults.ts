/** Faults that only one dialect can have: frames of Bedrock, the sequence of Responses, and Gemini's own ways to say nothing. */

import type { SimulatedCall, StreamItem } from '../call.ts'
import { framerOf, frameOf, piecesOf, plainSteps, streamSteps } from '../call.ts'
import { responsesErrorEvent } from '../encode-responses.ts'
import { frameEventStream } from '../eventstream-frame.ts'
import { choice, defineFault, number, text } from '../fault.ts'
import type { Fault } from '../fault.ts'
import { geminiUsage } from '../encode-gemini.ts'
import { isArrayEnd, type StreamPiece } from '../piece.ts'
import { plainRefusal } from '../refusal.ts'
import type { Conduct } from '../step.ts'
import { CUTS, cut, FLUSH, write } from '../step.ts'
import { breakAtToken, insertAtToken, splitAtToken } from './stream-places.ts'

const shownBefore = number(5, 'tokens shown before')

const bedrockFaults = [
  defineFault({
    name: 'bedrock-bad-crc',
    description: 'A frame in the middle has a checksum that is not its own; the others are whole.',
    befalls: 'stream',
    dialects: ['bedrock-converse'],
    parameters: { token: shownBefore, part: choice(['message', 'prelude'], 'whose checksum it is') },
    conduct: (call, { token, part }) => ({ steps: streamSteps(call, withBadChecksum(call, token, part)) }),
  }),
  defineFault({
    name: 'bedrock-cut-frame',
    description: 'The stream ends in the middle of a frame, in good order or by breaking the connection.',
    befalls: 'stream',
    dialects: ['bedrock-converse'],
    parameters: { token: shownBefore, by: choice(['end', ...CUTS], 'how it ends') },
    conduct: (call, { token, by }) => {
      const [before, [next]] = splitAtToken(piecesOf(call), token)
      const frame = next === undefined ? Buffer.alloc(0) : framed(call, next)
      const half = write(frame.subarray(0, Math.floor(frame.length / 2)))
      const ending = by === 'end' ? [] : [FLUSH, cut(by)]
      return { steps: streamSteps(call, [...before, half, ...ending]) }
    },
  }),
  defineFault({
    name: 'bedrock-huge-frame',
    description: 'A frame says of itself that it is very long, under a checksum that is right.',
    befalls: 'stream',
    dialects: ['bedrock-converse'],
    parameters: {
      token: shownBefore,
      bytes: number(4_294_967_295, 'the length it states', 16, 4_294_967_295),
    },
    conduct: (call, { token, bytes }) => ({
      steps: streamSteps(call, insertAtToken(piecesOf(call), token, [write(preludeOf(bytes))])),
    }),
  }),
  defineFault({
    name: 'bedrock-exception',
    description: 'A frame in the middle is an exception, and the stream ends.',
    befalls: 'stream',
    dialects: ['bedrock-converse'],
    parameters: {
      token: shownBefore,
      type: text('modelStreamErrorException', 'its type; one that nobody knows is possible too'),
    },
    conduct: (call, { token, type }) => {
      const data = JSON.stringify({ message: 'The stream broke off. Simulated.' })
      const exception: StreamPiece = { kind: 'other', event: type, data, tokens: 0, isException: true }
      return { steps: streamSteps(call, breakAtToken(piecesOf(call), token, [exception])) }
    },
  }),
]

function framed(call: SimulatedCall, piece: StreamPiece): Buffer {
  return Buffer.from(framerOf(call)(piece))
}

/** The lengths and their checksum end at byte 12, the message's own checksum with the frame. */
function withBadChecksum(
  call: SimulatedCall,
  token: number,
  part: 'message' | 'prelude',
): readonly StreamItem[] {
  const [before, [next, ...rest]] = splitAtToken(piecesOf(call), token)
  if (next === undefined) return before
  const bytes = framed(call, next)
  const place = part === 'prelude' ? 11 : bytes.length - 1
  bytes[place] = (bytes[place] ?? 0) ^ 0xff
  return [...before, write(bytes), ...rest]
}

/** The beginning of a frame of this length, its own checksum right, and a few bytes of it. */
function preludeOf(bytes: number): Uint8Array {
  const frame = frameEventStream({ ':event-type': 'contentBlockDelta' }, Buffer.alloc(64), bytes)
  return frame.subarray(0, 64)
}

const responsesFaults = [
  defineFault({
    name: 'responses-out-of-order',
    description: 'Two neighbouring events with content change places, their sequence numbers with them.',
    befalls: 'stream',
    dialects: ['openai-responses'],
    parameters: { token: shownBefore },
    conduct: (call, { token }) => {
      const [before, [first, second, ...rest]] = splitAtToken(piecesOf(call), token)
      const swapped = [second, first].filter((piece) => piece !== undefined)
      return { steps: streamSteps(call, [...before, ...swapped, ...rest]) }
    },
  }),
  defineFault({
    name: 'responses-sequence-gap',
    description: 'Events with content are missing from the middle: the sequence numbers leap over them.',
    befalls: 'stream',
    dialects: ['openai-responses'],
    parameters: { token: shownBefore, count: number(1, 'how many are missing', 1, 1000) },
    conduct: (call, { token, count }) => {
      const [before, after] = splitAtToken(piecesOf(call), token)
      return { steps: streamSteps(call, [...before, ...after.slice(count)]) }
    },
  }),
  defineFault({
    name: 'responses-error',
    description: 'The stream ends in the middle with an event that is nothing but an error.',
    befalls: 'stream',
    dialects: ['openai-responses'],
    parameters: { token: shownBefore },
    conduct: (call, { token }) => {
      const [before] = splitAtToken(piecesOf(call), token)
      const refusal = { ...plainRefusal(500, 'The server had an error. Simulated.'), code: 'server_error' }
      return { steps: streamSteps(call, [...before, responsesErrorEvent(refusal, before.length)]) }
    },
  }),
  defineFault({
    name: 'duplicate-chunk-id',
    description:
      'Two events carry one id: in Responses an event comes twice under one sequence number, elsewhere two that differ share an `id:` line.',
    befalls: 'stream',
    framings: ['sse', 'sse-crlf'],
    parameters: { token: shownBefore },
    conduct: duplicateIds,
  }),
]

function duplicateIds(call: SimulatedCall, { token }: { readonly token: number }): Conduct {
  const [before, after] = splitAtToken(piecesOf(call), token)
  if (call.request.dialect === 'openai-responses') {
    return { steps: streamSteps(call, [...before, ...before.slice(-1), ...after]) }
  }
  const pieces = [...before, ...after]
  const idOf = (piece: StreamPiece) => Math.min(pieces.indexOf(piece), before.length)
  const frame = framerOf(call)
  return { steps: streamSteps(call, pieces, (piece) => `id: ${idOf(piece)}\n${String(frame(piece))}`) }
}

const geminiFaults = [
  defineFault({
    name: 'gemini-block-reason',
    description: 'The prompt is blocked: no candidate at all, and a reason beside it.',
    befalls: 'chat',
    dialects: ['gemini'],
    parameters: { reason: text('PROHIBITED_CONTENT', 'why it was blocked') },
    conduct: (call, { reason }) => onlyChunk(call, { promptFeedback: { blockReason: reason } }),
  }),
  defineFault({
    name: 'gemini-malformed-function-call',
    description:
      'The model wrote a call that nobody can read: a candidate without content, and the reason for it.',
    befalls: 'chat',
    dialects: ['gemini'],
    conduct: (call) => {
      const finishMessage = 'Malformed function call: print(simulated_tool('
      const candidate = { content: {}, finishReason: 'MALFORMED_FUNCTION_CALL', finishMessage, index: 0 }
      return onlyChunk(call, { candidates: [candidate] })
    },
  }),
  defineFault({
    name: 'gemini-empty-parts',
    description: 'The candidate is finished by STOP, and its parts are empty, absent, or a blank text.',
    befalls: 'chat',
    dialects: ['gemini'],
    parameters: { kind: choice(['empty', 'absent', 'blank'], 'what stands there') },
    conduct: (call, { kind }) => {
      const content = { empty: { parts: [] }, absent: {}, blank: { parts: [{ text: '' }] } }[kind]
      const candidate = { content: { ...content, role: 'model' }, finishReason: 'STOP', index: 0 }
      return onlyChunk(call, { candidates: [candidate] })
    },
  }),
]

/** An answer that is one object of Gemini's, alone or as the only event of a stream. */
function onlyChunk(call: SimulatedCall, said: object): Conduct {
  const frame = frameOf(call)
  const usage = { ...call.script.usage, outputTokens: 0, reasoningTokens: 0 }
  const value = {
    ...said,
    usageMetadata: geminiUsage(usage),
    modelVersion: frame.model,
    responseId: frame.id,
  }
  if (!call.request.stream) return { steps: plainSteps(call, value) }
  const piece: StreamPiece = { kind: 'finish', data: JSON.stringify(value), tokens: 0 }
  return { steps: streamSteps(call, [piece, ...piecesOf(call).filter(isArrayEnd)]) }
}

export const dialectFaults: readonly Fault[] = [...bedrockFaults, ...responsesFaults, ...geminiFaults]
