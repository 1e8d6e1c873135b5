/** Faults of what a well-framed answer says: strange JSON, missing choices, impossible usage. In plain answers and in streams. */

import type { SimulatedCall } from '../call.ts'
import { answerOf, piecesOf, plainSteps, streamSteps } from '../call.ts'
import { choice, defineFault, number, text } from '../fault.ts'
import type { Fault } from '../fault.ts'
import { isJsonObject, parseJson } from '../../std/json.ts'
import type { StreamPiece } from '../piece.ts'
import type { Script } from '../script.ts'
import type { Conduct } from '../step.ts'

/** Changes the JSON of an answer: of the plain body, or of each event of a stream. */
type Change = (value: Record<string, unknown>) => Record<string, unknown>

/** The answer with every JSON object in it changed. */
export function changed(call: SimulatedCall, change: Change): Conduct {
  if (!call.request.stream) return { steps: plainSteps(call, change(asRecord(answerOf(call)))) }
  return {
    steps: streamSteps(
      call,
      piecesOf(call).map((piece) => changedPiece(piece, change)),
    ),
  }
}

function asRecord(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value))
}

export function changedPiece(piece: StreamPiece, change: Change): StreamPiece {
  const value = parseJson(piece.data)
  return isJsonObject(value) ? { ...piece, data: JSON.stringify(change({ ...value })) } : piece
}

/** The answer with its JSON text changed: for what no object can hold. A stream is changed in its first text event. */
function rewritten(call: SimulatedCall, rewrite: (text: string) => string): Conduct {
  if (!call.request.stream) return { steps: plainSteps(call, rewrite(JSON.stringify(answerOf(call)))) }
  const pieces = piecesOf(call)
  const target = pieces.findIndex((piece) => piece.tokens > 0)
  const changedPieces = pieces.map((piece, index) =>
    index === target ? { ...piece, data: rewrite(piece.data) } : piece,
  )
  return { steps: streamSteps(call, changedPieces) }
}

/** The call as if the model had said something else. */
export function saying(call: SimulatedCall, script: Script): SimulatedCall {
  return { ...call, script }
}

const STRANGE = {
  'duplicate-keys': (json: string) => json.replace(/^\{("[^"]+"):/, '{$1:"first",$1:'),
  'proto-key': (json: string) =>
    json.replace('{', '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},'),
  'not-a-number': (json: string) => json.replace('{', '{"score":NaN,"bound":Infinity,'),
  'lone-surrogate': (json: string) => json.replace(/"(content|text)":"/, '"$1":"\\ud83d '),
  'null-character': (json: string) => json.replace(/"(content|text)":"/, '"$1":"\\u0000'),
  'unknown-fields': (json: string) => json.replace('{', '{"future":{"field":[1,2,{"a":null}]},'),
} as const satisfies Readonly<Record<string, (json: string) => string>>

// Sound: Object.keys widens the keys of a literal that is not empty.
const STRANGE_KINDS = Object.keys(STRANGE) as [keyof typeof STRANGE, ...(keyof typeof STRANGE)[]]

const jsonFaults = [
  defineFault({
    name: 'strange-json',
    description: 'The JSON holds duplicate keys, __proto__, NaN, a lone surrogate, a NUL or unknown fields.',
    parameters: { kind: choice(STRANGE_KINDS, 'what is strange') },
    conduct: (call, { kind }) => rewritten(call, STRANGE[kind]),
  }),
  defineFault({
    name: 'deep-json',
    description: 'The JSON holds a field nested very deep.',
    parameters: { depth: number(10_000, 'levels', 1, 1e6) },
    conduct: (call, { depth }) =>
      rewritten(call, (json) => json.replace('{', `{"deep":${'['.repeat(depth)}${']'.repeat(depth)},`)),
  }),
  defineFault({
    name: 'wrong-model',
    description: 'The answer names another model than was asked for.',
    parameters: { model: text('some-other-model', 'the model named') },
    conduct: (call, { model }) => changed(call, (value) => renamed(value, model)),
  }),
]

function renamed(value: Record<string, unknown>, model: string): Record<string, unknown> {
  const message = value['message']
  if (isJsonObject(message)) return { ...value, message: { ...message, model } }
  return 'model' in value ? { ...value, model } : value
}

const CHOICES = ['empty', 'null', 'missing', 'message-null', 'content-null'] as const

const choiceFaults = [
  defineFault({
    name: 'choices',
    description:
      'The plain answer has no choices, null for them, no field at all, or a choice with nothing in it.',
    befalls: 'plain',
    parameters: { kind: choice(CHOICES, 'what is wrong with them') },
    conduct: (call, { kind }) => changed(call, (value) => withoutChoices(value, kind)),
  }),
  defineFault({
    name: 'empty-answer',
    description: 'The answer is well formed, finished by stop, and says nothing.',
    conduct: (call) => {
      const usage = { ...call.script.usage, outputTokens: 0, reasoningTokens: 0 }
      return spoken(saying(call, { choices: [{ parts: [], finish: 'stop' }], usage }))
    },
  }),
  defineFault({
    name: 'reasoning-only',
    description: 'All tokens went into reasoning: the answer is finished by length and has no text.',
    conduct: (call) => {
      const reasoning = { type: 'reasoning', text: 'Simulated reasoning without an end' } as const
      return spoken(saying(call, { ...call.script, choices: [{ parts: [reasoning], finish: 'length' }] }))
    },
  }),
  defineFault({
    name: 'unknown-finish',
    description: 'The reason to finish is a word nobody knows.',
    parameters: { reason: text('tired', 'the word') },
    conduct: (call, { reason }) => changed(call, (value) => withFinish(value, reason)),
  }),
]

/** Answers with the script, in the form that was asked for. */
export function spoken(call: SimulatedCall): Conduct {
  return changed(call, (value) => value)
}

function withoutChoices(value: Record<string, unknown>, kind: (typeof CHOICES)[number]) {
  const field = 'choices' in value ? 'choices' : 'content'
  switch (kind) {
    case 'empty':
      return { ...value, [field]: [] }
    case 'null':
      return { ...value, [field]: null }
    case 'missing':
      return Object.fromEntries(Object.entries(value).filter(([name]) => name !== field))
    case 'message-null':
      return {
        ...value,
        [field]: field === 'content' ? [null] : [{ index: 0, message: null, finish_reason: 'stop' }],
      }
    case 'content-null': {
      const message = { role: 'assistant', content: null }
      const empty = { index: 0, message, finish_reason: 'stop' }
      return { ...value, [field]: [field === 'content' ? { type: 'text', text: null } : empty] }
    }
  }
}

function withFinish(value: Record<string, unknown>, reason: string): Record<string, unknown> {
  const { choices, delta } = value
  if (Array.isArray(choices)) return { ...value, choices: choices.map((each) => finishedBy(each, reason)) }
  if (isJsonObject(delta) && 'stop_reason' in delta)
    return { ...value, delta: { ...delta, stop_reason: reason } }
  return 'stop_reason' in value ? { ...value, stop_reason: reason } : value
}

function finishedBy(each: unknown, reason: string): unknown {
  return isJsonObject(each) && typeof each['finish_reason'] === 'string'
    ? { ...each, finish_reason: reason }
    : each
}

const USAGE = ['missing', 'null', 'negative', 'string', 'huge', 'overflow', 'fraction'] as const

/** JSON numbers beyond what a double holds exactly are written as text, since no JavaScript number can stand for them. */
const COUNTS: Readonly<Record<Exclude<(typeof USAGE)[number], 'missing' | 'null'>, string>> = {
  negative: '-5',
  string: '"12"',
  huge: '1e308',
  overflow: '9223372036854775808',
  fraction: '1.5',
}

const usageFaults = [
  defineFault({
    name: 'usage',
    description:
      'The usage is missing, null, negative, text, 1e308, 2^63 or a fraction, wherever it would stand.',
    parameters: { kind: choice(USAGE, 'what is wrong with it') },
    conduct: (call, { kind }) => withUsage(call, kind),
  }),
]

function withUsage(call: SimulatedCall, kind: (typeof USAGE)[number]): Conduct {
  const rewrite = (json: string) => rewrittenUsage(json, kind)
  if (!call.request.stream) return { steps: plainSteps(call, rewrite(JSON.stringify(answerOf(call)))) }
  const pieces = piecesOf(call).filter((piece) => kind !== 'missing' || piece.kind !== 'usage')
  return {
    steps: streamSteps(
      call,
      pieces.map((piece) => ({ ...piece, data: rewrite(piece.data) })),
    ),
  }
}

/** A usage object, with the objects inside it; usage holds no deeper ones and no braces in text. */
const USAGE_PATTERN = /"usage":\{(?:[^{}]|\{[^{}]*\})*\}/

function rewrittenUsage(json: string, kind: (typeof USAGE)[number]): string {
  switch (kind) {
    case 'missing':
      return json.replace(new RegExp(`,${USAGE_PATTERN.source}`), '')
    case 'null':
      return json.replace(USAGE_PATTERN, '"usage":null')
    default:
      return json.replace(USAGE_PATTERN, (usage) => usage.replaceAll(/:\d+/g, `:${COUNTS[kind]}`))
  }
}

export const contentFaults: readonly Fault[] = [...jsonFaults, ...choiceFaults, ...usageFaults]
