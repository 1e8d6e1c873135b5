/** Faults of what a well-framed answer says: strange JSON, missing choices, impossible usage. In plain answers and in streams. */

import type { SimulatedCall } from '../call.ts'
import { answerOf, piecesOf, plainSteps, streamSteps } from '../call.ts'
import { choice, defineFault, number, text } from '../fault.ts'
import type { Fault } from '../fault.ts'
import { isJsonObject, parseJson } from '../../std/json.ts'
import type { StreamPiece } from '../piece.ts'
import { SIMULATED_DIALECTS } from '../request.ts'
import type { Script, ScriptPart } from '../script.ts'
import type { Conduct } from '../step.ts'
import { takeTokens, TOKEN_CHARACTERS } from '../tokens.ts'

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
  'lone-surrogate': (json: string) => json.replace(/"(content|text|delta)":"/, '"$1":"\\ud83d '),
  'null-character': (json: string) => json.replace(/"(content|text|delta)":"/, '"$1":"\\u0000'),
  'unknown-fields': (json: string) => json.replace('{', '{"future":{"field":[1,2,{"a":null}]},'),
} as const satisfies Readonly<Record<string, (json: string) => string>>

// Sound: Object.keys widens the keys of a literal that is not empty.
const STRANGE_KINDS = Object.keys(STRANGE) as [keyof typeof STRANGE, ...(keyof typeof STRANGE)[]]

/** The dialects whose answers name their model: neither Bedrock nor Cohere does. */
const NAMING_DIALECTS = SIMULATED_DIALECTS.filter(
  (dialect) => dialect !== 'bedrock-converse' && dialect !== 'cohere-chat',
)

const jsonFaults = [
  defineFault({
    name: 'strange-json',
    description: 'The JSON holds duplicate keys, __proto__, NaN, a lone surrogate, a NUL or unknown fields.',
    befalls: 'chat',
    parameters: { kind: choice(STRANGE_KINDS, 'what is strange') },
    conduct: (call, { kind }) => rewritten(call, STRANGE[kind]),
  }),
  defineFault({
    name: 'deep-json',
    description: 'The JSON holds a field nested very deep.',
    befalls: 'chat',
    parameters: { depth: number(10_000, 'levels', 1, 1e6) },
    conduct: (call, { depth }) =>
      rewritten(call, (json) => json.replace('{', `{"deep":${'['.repeat(depth)}${']'.repeat(depth)},`)),
  }),
  defineFault({
    name: 'wrong-model',
    description: 'The answer names another model than was asked for.',
    befalls: 'chat',
    dialects: NAMING_DIALECTS,
    parameters: { model: text('some-other-model', 'the model named') },
    conduct: (call, { model }) => changed(call, (value) => renamed(value, model)),
  }),
]

function renamed(value: Record<string, unknown>, model: string): Record<string, unknown> {
  const renamedValue = 'model' in value ? { ...value, model } : value
  if ('modelVersion' in value) return { ...value, modelVersion: model }
  for (const around of ['message', 'response']) {
    const inner = value[around]
    if (isJsonObject(inner) && 'model' in inner) return { ...value, [around]: { ...inner, model } }
  }
  return renamedValue
}

const CHOICES = ['empty', 'null', 'missing', 'message-null', 'content-null'] as const

const INVALID_TEXTS = {
  'wrong-shape': '{"simulated":"an object that nobody asked for","count":"many"}',
  'no-json': 'Simulated words where JSON was wanted.',
  cut: '{"simulated":tru',
} as const

const choiceFaults = [
  defineFault({
    name: 'choices',
    description:
      'The plain answer has no choices, null for them, no field at all, or a choice with nothing in it.',
    befalls: 'plain',
    dialects: ['openai-chat', 'anthropic-messages', 'openai-completions', 'openai-responses', 'gemini'],
    parameters: { kind: choice(CHOICES, 'what is wrong with them') },
    conduct: (call, { kind }) => changed(call, (value) => withoutChoices(value, kind)),
  }),
  defineFault({
    name: 'empty-answer',
    description: 'The answer is well formed, finished by stop, and says nothing.',
    befalls: 'chat',
    conduct: (call) => {
      const usage = { ...call.script.usage, outputTokens: 0, reasoningTokens: 0 }
      return spoken(saying(call, { choices: [{ parts: [], finish: 'stop' }], usage }))
    },
  }),
  defineFault({
    name: 'reasoning-only',
    description: 'All tokens went into reasoning: the answer is finished by length and has no text.',
    befalls: 'chat',
    conduct: (call) => {
      const reasoning = { type: 'reasoning', text: 'Simulated reasoning without an end' } as const
      return spoken(saying(call, { ...call.script, choices: [{ parts: [reasoning], finish: 'length' }] }))
    },
  }),
  defineFault({
    name: 'empty-stop',
    description: 'The answer is finished by stop and says nothing, although tokens were counted for it.',
    befalls: 'chat',
    conduct: (call) => {
      const usage = { ...call.script.usage, outputTokens: 5, reasoningTokens: 0 }
      return spoken(saying(call, { choices: [{ parts: [], finish: 'stop' }], usage }))
    },
  }),
  defineFault({
    name: 'schema-invalid',
    description: 'The text is JSON that satisfies no schema, no JSON at all, or JSON that breaks off.',
    befalls: 'chat',
    parameters: { kind: choice(['wrong-shape', 'no-json', 'cut'], 'what is wrong with it') },
    conduct: (call, { kind }) => {
      const parts = [{ type: 'text', text: INVALID_TEXTS[kind] } as const]
      return spoken(saying(call, { ...call.script, choices: [{ parts, finish: 'stop' }] }))
    },
  }),
  defineFault({
    name: 'unknown-finish',
    description: 'The reason to finish is a word nobody knows.',
    befalls: 'chat',
    parameters: { reason: text('tired', 'the word') },
    conduct: (call, { reason }) => changed(call, (value) => withFinish(value, reason)),
  }),
]

const RUNAWAYS = ['text', 'reasoning', 'tool-call'] as const

const ceilingFaults = [
  defineFault({
    name: 'ignores-ceiling',
    description:
      'The answer has so many tokens whatever ceiling it was told, reports them, and ends by stop.',
    befalls: 'chat',
    parameters: {
      tokens: number(500, 'tokens of each answer', 1, 1e6),
      kind: choice(RUNAWAYS, 'what it says so much of'),
    },
    conduct: (call, { tokens, kind }) => {
      const { choices, usage } = call.script
      const part = runaway(kind, tokens)
      const parts = kind === 'reasoning' ? [part, { type: 'text', text: 'Done.' } as const] : [part]
      const finish = kind === 'tool-call' ? 'tool-calls' : 'stop'
      const outputTokens = tokens * choices.length
      const reasoningTokens = kind === 'reasoning' ? outputTokens : 0
      return spoken(
        saying(call, {
          choices: choices.map(() => ({ parts, finish })),
          usage: { ...usage, outputTokens, reasoningTokens },
        }),
      )
    },
  }),
]

function runaway(kind: (typeof RUNAWAYS)[number], tokens: number): ScriptPart {
  const words = 'on and on and '
  const text = takeTokens(words.repeat(Math.ceil((tokens * TOKEN_CHARACTERS) / words.length)), tokens)
  if (kind !== 'tool-call') return { type: kind, text }
  return { type: kind, id: 'call_simulated', name: 'get_weather', arguments: JSON.stringify({ city: text }) }
}

/** Answers with the script, in the form that was asked for. */
export function spoken(call: SimulatedCall): Conduct {
  return changed(call, (value) => value)
}

/** Where an answer holds what was said, and what stands there when nothing was. */
const CHOICE_FIELDS = {
  choices: {
    messageNull: { index: 0, message: null, finish_reason: 'stop' },
    contentNull: { index: 0, message: { role: 'assistant', content: null }, finish_reason: 'stop' },
  },
  content: { messageNull: null, contentNull: { type: 'text', text: null } },
  output: { messageNull: null, contentNull: { type: 'message', role: 'assistant', content: null } },
  candidates: {
    messageNull: { index: 0, content: null, finishReason: 'STOP' },
    contentNull: { index: 0, content: { role: 'model', parts: [{ text: null }] }, finishReason: 'STOP' },
  },
} as const

function choiceField(value: Record<string, unknown>): keyof typeof CHOICE_FIELDS {
  if ('choices' in value) return 'choices'
  if ('candidates' in value) return 'candidates'
  return 'output' in value ? 'output' : 'content'
}

function withoutChoices(value: Record<string, unknown>, kind: (typeof CHOICES)[number]) {
  const field = choiceField(value)
  switch (kind) {
    case 'empty':
      return { ...value, [field]: [] }
    case 'null':
      return { ...value, [field]: null }
    case 'missing':
      return Object.fromEntries(Object.entries(value).filter(([name]) => name !== field))
    case 'message-null':
      return { ...value, [field]: [CHOICE_FIELDS[field].messageNull] }
    case 'content-null':
      return { ...value, [field]: [CHOICE_FIELDS[field].contentNull] }
  }
}

/** The fields that hold a reason to finish, in whichever dialect. */
const FINISH_FIELDS = ['finish_reason', 'stop_reason', 'stopReason', 'finishReason', 'done_reason'] as const

function withFinish(value: Record<string, unknown>, reason: string): Record<string, unknown> {
  const { choices, candidates, delta, response, status } = value
  if (Array.isArray(choices)) return { ...value, choices: choices.map((each) => finishedBy(each, reason)) }
  if (Array.isArray(candidates)) {
    return { ...value, candidates: candidates.map((each) => finishedBy(each, reason)) }
  }
  if (isJsonObject(delta)) return { ...value, delta: finishedBy(delta, reason) }
  if (isJsonObject(response)) return { ...value, response: withFinish({ ...response }, reason) }
  if (value['object'] === 'response') return status === 'completed' ? { ...value, status: reason } : value
  return { ...value, ...fieldsFinishedBy(value, reason) }
}

function finishedBy(each: unknown, reason: string): unknown {
  return isJsonObject(each) ? { ...each, ...fieldsFinishedBy(each, reason) } : each
}

function fieldsFinishedBy(value: Readonly<Record<string, unknown>>, reason: string): object {
  const name = FINISH_FIELDS.find((field) => typeof value[field] === 'string')
  return name === undefined ? {} : { [name]: reason }
}

const USAGE = ['missing', 'null', 'negative', 'string', 'huge', 'overflow', 'fraction', 'zero'] as const

/** JSON numbers beyond what a double holds exactly are written as text, since no JavaScript number can stand for them. */
const COUNTS: Readonly<Record<Exclude<(typeof USAGE)[number], 'missing' | 'null'>, string>> = {
  negative: '-5',
  string: '"12"',
  huge: '1e308',
  overflow: '9223372036854775808',
  fraction: '1.5',
  zero: '0',
}

const usageFaults = [
  defineFault({
    name: 'usage',
    description:
      'The usage is missing, null, negative, text, 1e308, 2^63, a fraction or nothing but zeros, wherever it would stand.',
    befalls: 'chat',
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
const USAGE_PATTERN = /"(usage|usageMetadata)":\{(?:[^{}]|\{[^{}]*\})*\}/
/** Ollama's counts stand beside everything else. */
const COUNTS_PATTERN = /"(prompt_eval_count|eval_count)":\d+/g

function rewrittenUsage(json: string, kind: (typeof USAGE)[number]): string {
  switch (kind) {
    case 'missing':
      return json
        .replace(new RegExp(`,${USAGE_PATTERN.source}`), '')
        .replaceAll(new RegExp(`,${COUNTS_PATTERN.source}`, 'g'), '')
    case 'null':
      return json.replace(USAGE_PATTERN, '"$1":null').replaceAll(COUNTS_PATTERN, '"$1":null')
    default:
      return json
        .replace(USAGE_PATTERN, (usage) => usage.replaceAll(/:\d+/g, `:${COUNTS[kind]}`))
        .replaceAll(COUNTS_PATTERN, `"$1":${COUNTS[kind]}`)
  }
}

export const contentFaults: readonly Fault[] = [
  ...jsonFaults,
  ...choiceFaults,
  ...ceilingFaults,
  ...usageFaults,
]
