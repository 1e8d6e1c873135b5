/** Faults of streamed tool calls: the ways in which providers number, name and split them. */

import type { SimulatedCall } from '../call.ts'
import { piecesOf, streamSteps, voiceOf } from '../call.ts'
import { renumbered } from '../encode-responses.ts'
import { choice, defineFault } from '../fault.ts'
import type { Fault } from '../fault.ts'
import type { StreamPiece } from '../piece.ts'
import type { SimulatedDialect } from '../request.ts'
import { changedPiece, saying } from './content-faults.ts'
import { arrayOf, isJsonObject, objectOf } from '../../std/json.ts'

/** The dialects that stream the arguments of a call piece by piece. */
export const ARGUMENT_STREAMS = [
  'openai-chat',
  'anthropic-messages',
  'openai-responses',
  'bedrock-converse',
  'cohere-chat',
] as const satisfies readonly SimulatedDialect[]

/** Arguments with an escape and a character of two code units, for splits to fall into. */
const ARGUMENTS = '{"city":"Z\\u00fcrich 😀","simulated":true}'

/** The call as if the model had called two tools, where it would have called none. */
export function callingTool(call: SimulatedCall): SimulatedCall {
  const isCalling = call.script.choices.some(({ parts }) => parts.some((part) => part.type === 'tool-call'))
  if (isCalling) return call
  const prefix = voiceOf(call).idPrefixes.toolCall
  const name = call.request.tools[0]?.name ?? 'simulated_tool'
  const parts = ['', ''].map(
    () => ({ type: 'tool-call', id: call.ids.next(prefix), name, arguments: ARGUMENTS }) as const,
  )
  return saying(call, { ...call.script, choices: [{ parts, finish: 'tool-calls' }] })
}

const ODDITIES = [
  'no-index',
  'same-index',
  'gap-index',
  'empty-id',
  'no-id',
  'late-name',
  'split-escapes',
  'invalid-json',
  'whole-at-once',
  'repeated-name',
] as const
type Oddity = (typeof ODDITIES)[number]

export const toolFaults: readonly Fault[] = [
  defineFault({
    name: 'tool-deltas',
    description:
      'Tool calls come without an index, with one index for all, with gaps, without an id, named late, split inside escapes, whole at once, or as invalid JSON.',
    befalls: 'stream',
    dialects: ['openai-chat', 'anthropic-messages'],
    parameters: { kind: choice(ODDITIES, 'what is odd about them') },
    conduct: (call, { kind }) => {
      const calling = callingTool(call)
      return { steps: streamSteps(calling, oddPieces(calling, kind)) }
    },
  }),
  defineFault({
    name: 'tool-arguments',
    description:
      'The arguments of tool calls come split inside escapes, whole at once, or as invalid JSON, in any dialect that streams them.',
    befalls: 'stream',
    dialects: ARGUMENT_STREAMS,
    parameters: {
      kind: choice(['split-escapes', 'invalid-json', 'whole-at-once'], 'what is odd about them'),
    },
    conduct: (call, { kind }) => {
      const calling = callingTool(call)
      if (kind === 'invalid-json') return { steps: streamSteps(calling, piecesOf(brokenArguments(calling))) }
      const pieces = oddPieces(calling, kind)
      const isNumbered = call.request.dialect === 'openai-responses'
      return { steps: streamSteps(calling, isNumbered ? renumbered(pieces) : pieces) }
    },
  }),
]

/** The call as if the arguments were no JSON wherever they stand, for dialects that repeat them. */
function brokenArguments(call: SimulatedCall): SimulatedCall {
  const choices = call.script.choices.map((each) => ({
    ...each,
    parts: each.parts.map((part) =>
      part.type === 'tool-call' ? { ...part, arguments: `${part.arguments.slice(0, -2)}",,{` } : part,
    ),
  }))
  return saying(call, { ...call.script, choices })
}

function oddPieces(call: SimulatedCall, oddity: Oddity): readonly StreamPiece[] {
  const narrow = oddity === 'split-escapes' ? { ...call, pace: { ...call.pace, tokensPerChunk: 1 } } : call
  const pieces = piecesOf(narrow)
  const edit = call.request.dialect === 'openai-chat' ? editOpenAi : editAnthropic
  switch (oddity) {
    case 'split-escapes':
      return pieces.flatMap(splitByCharacter)
    case 'invalid-json':
      return breakJson(pieces)
    case 'late-name':
      return nameLate(pieces, call)
    case 'whole-at-once':
      return wholeAtOnce(pieces)
    default:
      return pieces.map((piece) => (piece.kind === 'tool' ? edit(piece, oddity) : piece))
  }
}

/** A tool-call delta of Chat Completions, changed. */
function onDelta(piece: StreamPiece, change: (delta: Record<string, unknown>) => object): StreamPiece {
  return changedPiece(piece, (value) => ({
    ...value,
    choices: arrayOf(value['choices']).map((each) => {
      const lane = objectOf(each) ?? {}
      const calls = arrayOf(objectOf(lane['delta'])?.['tool_calls']).map((delta) =>
        change({ ...objectOf(delta) }),
      )
      return { ...lane, delta: { tool_calls: calls } }
    }),
  }))
}

function editOpenAi(piece: StreamPiece, oddity: Oddity): StreamPiece {
  return onDelta(piece, (delta) => {
    const { index, id, ...rest } = delta
    const isOpening = id !== undefined
    const called = objectOf(delta['function']) ?? {}
    switch (oddity) {
      case 'no-index':
        return isOpening ? { id, ...rest } : rest
      case 'same-index':
        return { ...delta, index: 0 }
      case 'gap-index':
        return { ...delta, index: Number(index) * 5 + 3 }
      case 'empty-id':
        return isOpening ? { ...delta, id: '' } : delta
      case 'no-id':
        return { index, ...rest }
      case 'repeated-name':
        return isOpening ? delta : { ...delta, function: { name: '', ...called }, id: '', type: 'function' }
      default:
        return delta
    }
  })
}

function editAnthropic(piece: StreamPiece, oddity: Oddity): StreamPiece {
  return changedPiece(piece, (value) => {
    const { index, content_block: block, ...rest } = value
    const opening = isJsonObject(block) ? { ...block } : undefined
    switch (oddity) {
      case 'no-index':
        return opening ? { ...rest, content_block: opening } : rest
      case 'same-index':
        return { ...value, index: 0 }
      case 'gap-index':
        return { ...value, index: Number(index) * 5 + 3 }
      case 'empty-id':
        return opening ? { ...value, content_block: { ...opening, id: '' } } : value
      case 'no-id': {
        const { id: _, ...unnamed } = opening ?? {}
        return opening ? { ...value, content_block: unnamed } : value
      }
      default:
        return value
    }
  })
}

/** The arguments one code unit an event: escapes and surrogate pairs fall apart. */
function splitByCharacter(piece: StreamPiece): readonly StreamPiece[] {
  const field = argumentsOf(piece)
  if (field === undefined) return [piece]
  return field.split('').map((unit) => withArguments(piece, unit))
}

const ARGUMENTS_FIELD = /"(arguments|partial_json|delta|input)":"((?:[^"\\]|\\.)*)"/

function argumentsOf(piece: StreamPiece): string | undefined {
  const escaped =
    piece.kind === 'tool' && piece.tokens > 0 ? ARGUMENTS_FIELD.exec(piece.data)?.[2] : undefined
  return escaped === undefined ? undefined : String(JSON.parse(`"${escaped}"`))
}

function withArguments(piece: StreamPiece, text: string): StreamPiece {
  const written = JSON.stringify(text)
  return { ...piece, data: piece.data.replace(ARGUMENTS_FIELD, (_, name: string) => `"${name}":${written}`) }
}

/** The last arguments of each call end in the middle of a value. */
function breakJson(pieces: readonly StreamPiece[]): readonly StreamPiece[] {
  return pieces.map((piece, index) => {
    const isLast = piece.tokens > 0 && (pieces[index + 1]?.tokens ?? 0) === 0
    return piece.kind === 'tool' && isLast ? withArguments(piece, '",,{') : piece
  })
}

/** The name comes with the last delta instead of the first; Messages has no such delta, so its block is named late. */
function nameLate(pieces: readonly StreamPiece[], call: SimulatedCall): readonly StreamPiece[] {
  if (call.request.dialect === 'anthropic-messages') {
    const name = /"type":"tool_use",("id":"[^"]*"),"name":"[^"]*"/
    return pieces.map((piece) => ({
      ...piece,
      data: piece.data.replace(name, '"type":"tool_use",$1,"name":""'),
    }))
  }
  let name: unknown
  return pieces.map((piece, index) => {
    if (piece.kind !== 'tool') return piece
    const isLast = (pieces[index + 1]?.tokens ?? 0) === 0
    return onDelta(piece, (delta) => {
      const called = { ...objectOf(delta['function']) }
      name = called['name'] ?? name
      const { name: _, ...unnamed } = called
      return { ...delta, function: isLast && piece.tokens > 0 ? { name, ...unnamed } : unnamed }
    })
  })
}

/** Every call in one event, arguments and all. */
function wholeAtOnce(pieces: readonly StreamPiece[]): readonly StreamPiece[] {
  const joined: StreamPiece[] = []
  for (const piece of pieces) {
    const last = joined.at(-1)
    const isContinued = piece.kind === 'tool' && piece.tokens > 0 && last?.kind === 'tool' && last.tokens > 0
    if (isContinued) joined.push(merged(joined.pop() ?? piece, piece))
    else joined.push(piece)
  }
  return joined
}

function merged(first: StreamPiece, second: StreamPiece): StreamPiece {
  const text = (argumentsOf(first) ?? '') + (argumentsOf(second) ?? '')
  return { ...withArguments(first, text), tokens: first.tokens + second.tokens }
}
