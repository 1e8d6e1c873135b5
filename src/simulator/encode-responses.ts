/** Writes a script as a Response of OpenAI, whole or as the events that build it. */

import type { JsonObject, JsonValue } from '../std/json.ts'
import { objectOf } from '../std/json.ts'
import type { Frame } from './frame.ts'
import type { StreamPiece } from './piece.ts'
import type { Refusal } from './refusal.ts'
import { itemEvents, outputItems, type ResponsesEvent } from './responses-items.ts'
import { isDeeperThan } from './schema-value.ts'
import type { Script, ScriptChoice, ScriptUsage } from './script.ts'

export function responsesAnswer(script: Script, frame: Frame): object {
  const choice = firstChoice(script)
  return {
    ...responseFrame(frame),
    completed_at: frame.createdSeconds,
    ...ending(choice),
    output: outputItems(choice, frame),
    usage: responsesUsage(script.usage),
  }
}

export function responsesPieces(script: Script, frame: Frame): readonly StreamPiece[] {
  const response = { ...responseFrame(frame), status: 'in_progress' }
  const choice = firstChoice(script)
  const last = ending(choice).status === 'completed' ? 'response.completed' : 'response.incomplete'
  const events: readonly ResponsesEvent[] = [
    { kind: 'start', type: 'response.created', fields: { response } },
    { kind: 'other', type: 'response.in_progress', fields: { response } },
    ...itemEvents(choice, frame),
    { kind: 'finish', type: last, fields: { response: responsesAnswer(script, frame) } },
  ]
  return events.map(pieceOf)
}

/** How a stream fails in good form: the response itself has failed. */
export function responsesFailure(refusal: Refusal, frame: Frame, sequence: number): StreamPiece {
  const { message, code, type } = refusal
  const error = { code: String(code ?? type), message }
  const response = { ...responseFrame(frame), status: 'failed', error }
  return pieceOf({ kind: 'other', type: 'response.failed', fields: { response } }, sequence)
}

/** How a stream fails in haste: an event that is nothing but an error. */
export function responsesErrorEvent(refusal: Refusal, sequence: number): StreamPiece {
  const { message, code, type, param } = refusal
  const fields = { code: String(code ?? type), message, param: param ?? null }
  return pieceOf({ kind: 'other', type: 'error', fields }, sequence)
}

/** It has no place in the sequence, since it may come at any time. */
export function responsesQuiet(): StreamPiece {
  return { kind: 'other', event: 'keepalive', data: '{"type":"keepalive"}', tokens: 0 }
}

export function responsesTokenCount(inputTokens: number): object {
  return { object: 'response.input_tokens', input_tokens: inputTokens }
}

function pieceOf({ kind, type, fields, tokens = 0 }: ResponsesEvent, sequence: number): StreamPiece {
  return { kind, event: type, data: JSON.stringify({ type, sequence_number: sequence, ...fields }), tokens }
}

/** The same events numbered anew, for those who split or join some of them. */
export function renumbered(pieces: readonly StreamPiece[]): readonly StreamPiece[] {
  return pieces.map((piece, index) => ({
    ...piece,
    data: piece.data.replace(/"sequence_number":\d+/, `"sequence_number":${index}`),
  }))
}

function firstChoice(script: Script): ScriptChoice {
  return script.choices[0] ?? { parts: [], finish: 'stop' }
}

function ending({ finish }: ScriptChoice) {
  switch (finish) {
    case 'stop':
    case 'tool-calls':
      return { status: 'completed', incomplete_details: null }
    case 'length':
      return { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }
    case 'content-filter':
      return { status: 'incomplete', incomplete_details: { reason: 'content_filter' } }
  }
}

function responsesUsage(usage: ScriptUsage): object {
  return {
    input_tokens: usage.inputTokens,
    input_tokens_details: { cached_tokens: usage.cachedTokens },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: usage.inputTokens + usage.outputTokens,
  }
}

/** What a response repeats of its request, with what stands where nothing was asked. */
const ECHOED = {
  background: false,
  frequency_penalty: 0,
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  metadata: {},
  parallel_tool_calls: true,
  presence_penalty: 0,
  previous_response_id: null,
  prompt_cache_key: null,
  safety_identifier: null,
  service_tier: 'default',
  store: true,
  temperature: 1,
  tool_choice: 'auto',
  tools: [],
  top_logprobs: 0,
  top_p: 1,
  truncation: 'disabled',
  user: null,
}

function responseFrame(frame: Frame): object {
  const fields = frame.fields ?? {}
  const echoed = Object.entries(ECHOED).map(([name, standard]) => [name, echo(fields[name]) ?? standard])
  return {
    id: frame.id,
    object: 'response',
    created_at: frame.createdSeconds,
    completed_at: null,
    error: null,
    incomplete_details: null,
    model: frame.model,
    output: [],
    ...Object.fromEntries(echoed),
    reasoning: echoedReasoning(fields),
    text: { format: { type: 'text' }, verbosity: 'medium', ...objectOf(echo(fields['text'])) },
    usage: null,
  }
}

/** A stranger chose how deep it is; what is too deep to be written again is left out. */
function echo(value: JsonValue | undefined): JsonValue | undefined {
  return value === undefined || isDeeperThan(value, ECHO_DEPTH_MAX) ? undefined : value
}

const ECHO_DEPTH_MAX = 100

function echoedReasoning(fields: JsonObject): object {
  return { effort: null, summary: null, ...objectOf(echo(fields['reasoning'])) }
}
