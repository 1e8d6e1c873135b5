/**
 * (a) Every recorded request of a client's dialect: peeked, read, written back in the same dialect, patched, and said in
 * every other dialect with whatever that one cannot say named.
 */

import type { PathFacts } from '../../src/canonical/envelope.ts'
import type { Part } from '../../src/canonical/message.ts'
import type { InferenceRequest } from '../../src/canonical/request.ts'
import type { Dialect, EncodedRequest, TargetDialect } from '../../src/dialects/dialect.ts'
import { GatewayError } from '../../src/errors/gateway-error.ts'
import type { JsonObject } from '../../src/std/json.ts'
import type { Recording, RecordedRequest } from '../corpus.ts'
import { differ } from '../expectation.ts'
import { fieldsOf, listOf } from '../oracle/json.ts'
import type { Outcomes } from '../outcome.ts'
import { clientDialectOf, type Room } from '../room.ts'

export interface RequestCase {
  readonly recording: Recording
  readonly request: RecordedRequest & { readonly body: JsonObject }
  readonly dialect: Dialect
  readonly room: Room
  readonly outcomes: Outcomes
}

export function checkRequest(asked: RequestCase): void {
  const { outcomes, dialect } = asked
  const named = pathFacts(asked)
  const bytes = bytesOf(asked)
  let request: InferenceRequest
  try {
    dialect.peek(bytes, 'chat', named)
    request = dialect.readRequest(bytes, named)
  } catch (error) {
    return outcomes.check('request.refused', () => refusalFaults(error, asked))
  }
  outcomes.check('request.peek', () => peekFaults(asked, { bytes, named }))
  outcomes.check('request.round-trip', () =>
    isBeyondMessages(asked, request) ? [] : roundTripFaults(dialect, { request, named }),
  )
  outcomes.check('request.patch', () => patchFaults(dialect, { bytes, named }))
  checkTranslations(asked, request)
}

/**
 * A request may be turned away before it is sent only where its provider turned it away too: with a 4xx. Everything that a
 * provider answered must be let through.
 */
function refusalFaults(
  error: unknown,
  { recording: { response }, dialect, request }: RequestCase,
): readonly string[] {
  if (!(error instanceof GatewayError)) throw error
  const { code, message } = error
  if (code !== 'invalid_request' && code !== 'invalid_json') return [`refused with ${code}`]
  // Another API filed under this one: chat messages or variables where a prompt belongs.
  if (dialect.id === 'openai-completions' && request.body['prompt'] === undefined) return []
  const isRefusedThere = response.status >= 400 && response.status < 500
  return isRefusedThere
    ? []
    : [`refused here (${message.slice(0, 160)}), answered with ${response.status} there`]
}

/** Gemini's paths name the model and the stream. */
function pathFacts({ dialect, request, recording }: RequestCase): PathFacts | undefined {
  if (dialect.id !== 'gemini') return undefined
  const match = /models\/([^/:?]+):(\w+)/.exec(request.url)
  return {
    modelId: decodeURIComponent(match?.[1] ?? recording.model),
    stream: match?.[2] === 'streamGenerateContent',
  }
}

/** Vertex and Azure name the model in the path; a client of ours names it in the body. */
function bytesOf({ dialect, request, recording }: RequestCase): Buffer {
  const { body } = request
  const isNamed = dialect.id === 'gemini' || typeof body['model'] === 'string'
  const { model: _none, ...rest } = body
  return Buffer.from(JSON.stringify(isNamed ? body : { model: recording.model || 'unnamed', ...rest }))
}

interface Asked {
  readonly bytes: Buffer
  readonly named: PathFacts | undefined
}

function peekFaults(
  { dialect, request, recording }: RequestCase,
  { bytes, named }: Asked,
): readonly string[] {
  const { body } = request
  const envelope = dialect.peek(bytes, 'chat', named)
  const read = dialect.readRequest(bytes, named)
  const model =
    named?.modelId ?? (typeof body['model'] === 'string' ? body['model'] : recording.model || 'unnamed')
  const stream = named?.stream ?? body['stream'] === true
  return [
    ...differ('model', model, envelope.modelId),
    ...differ('stream', stream, envelope.stream),
    ...differ('model read', model, read.modelId),
    ...differ('stream read', stream, read.stream),
    ...differ('ceiling', envelope.maxOutputTokens, read.maxOutputTokens),
  ]
}

/**
 * What its own provider refused need not survive being written. And a system turn in mid-conversation, which only Claude's
 * newest models take, reaches them by passthrough: written by us it becomes text of the user's turn, for every model.
 */
function isBeyondMessages({ dialect, recording }: RequestCase, { messages }: InferenceRequest): boolean {
  const { status } = recording.response
  if (status === 400 || status === 422) return true
  const firstTurn = messages.findIndex(({ role }) => role !== 'system')
  return (
    dialect.id === 'anthropic-messages' && messages.slice(firstTurn).some(({ role }) => role === 'system')
  )
}

/** Read, written and read again, it is the same; nothing is lost in its own dialect. */
function roundTripFaults(
  dialect: Dialect,
  { request, named }: { readonly request: InferenceRequest; readonly named: PathFacts | undefined },
): readonly string[] {
  const { fields, losses } = encode(dialect, request)
  const again = dialect.readRequest(Buffer.from(JSON.stringify(fields)), named)
  const lost = losses.map(({ field, reason }) => `lost ${field}: ${reason}`)
  const names = new Set([...Object.keys(request), ...Object.keys(again)])
  // Every name comes from one of the two requests.
  const member = (from: InferenceRequest, name: string) => from[name as keyof InferenceRequest]
  return [
    ...lost,
    // The gateway always asks a provider for usage, and hides it from a client that did not.
    ...[...names]
      .filter((name) => name !== 'wantsStreamUsage')
      .flatMap((name) => differ(name, usual(name, member(request, name)), usual(name, member(again, name)))),
  ]
}

/**
 * What means the same said and unsaid: a default said aloud. Temperature 1, one answer, parallel calls allowed, a schema of type object,
 * a tool that is not strict, and the name an output schema must have in OpenAI's API.
 */
function usual(name: string, value: unknown): unknown {
  if ((name === 'temperature' || name === 'candidateCount') && value === 1) return undefined
  if (name === 'allowsParallelToolCalls' && value === true) return undefined
  if (name === 'output') {
    const { name: _name, ...output } = fieldsOf(value)
    return output
  }
  if (name === 'messages') return joined(withoutFalseErrors(value))
  if (name !== 'tools') return value
  return listOf(value).map((tool) => {
    const { isStrict, parameters, ...rest } = fieldsOf(tool)
    const schema = fieldsOf(parameters)
    return { ...rest, ...(isStrict === true ? { isStrict } : {}), parameters: { type: 'object', ...schema } }
  })
}

/** Turns of one speaker in a row are one turn. */
function joined(messages: unknown): unknown {
  const turns: { role: unknown; parts: unknown[] }[] = []
  for (const value of listOf(messages)) {
    const { role, parts, ...rest } = fieldsOf(value)
    const last = turns.at(-1)
    const isSame =
      last?.role === role && (role === 'assistant' || role === 'tool') && Object.keys(rest).length === 0
    if (last !== undefined && isSame) last.parts.push(...listOf(parts))
    else turns.push({ role, parts: [...listOf(parts)], ...rest })
  }
  return turns
}

/** A tool's result that is no error, said or unsaid. */
function withoutFalseErrors(messages: unknown): unknown {
  return JSON.parse(
    JSON.stringify(messages, (key, value: unknown) =>
      key === 'isError' && value === false ? undefined : value,
    ),
  )
}

function encode(dialect: TargetDialect, request: InferenceRequest): EncodedRequest {
  return dialect.writeRequest(request, { modelId: request.modelId, stream: request.stream })
}

/** Only the model's name changes; every other byte is as the client sent it. */
function patchFaults(dialect: Dialect, { bytes, named }: Asked): readonly string[] {
  const envelope = dialect.peek(bytes, 'chat', named)
  const same = dialect.patchRequest(bytes, envelope, { modelId: envelope.modelId })
  const other = dialect.patchRequest(bytes, envelope, { modelId: 'another/model-name' })
  return [
    ...(Buffer.from(same).equals(bytes) || bytes.includes('"background":true')
      ? []
      : ['patched with its own name, bytes differ']),
    ...differ('patched', renamed(bytes, dialect), Buffer.from(other).toString()),
  ]
}

/** By another way than the gateway's: parsed, and the name put in. Recorded bodies are printed by `JSON.stringify`. */
function renamed(bytes: Buffer, dialect: Dialect): string {
  // Gemini's path names the model, whatever the body says.
  if (dialect.id === 'gemini') return bytes.toString()
  const body: Record<string, unknown> = JSON.parse(bytes.toString())
  // Background work is the gateway's own affair: the provider is asked to answer at once.
  const isBackground = body['background'] === true
  return JSON.stringify({
    ...body,
    ...(isBackground ? { background: false } : {}),
    model: 'another/model-name',
  })
}

/** What a request holds that another dialect may have no word for. */
function contentsOf(request: InferenceRequest): Readonly<Record<string, number>> {
  const parts = request.messages.flatMap((message) => message.parts.flatMap(partsWithin))
  const count = (type: Part['type']) => parts.filter((part) => part.type === type).length
  return {
    vision: count('image'),
    document: parts.filter((part) => part.type === 'document' && part.source.kind !== 'text').length,
    audio: count('audio'),
    'tool calls': count('tool-call'),
    'tool results': count('tool-result'),
    tools: (request.tools ?? []).filter(({ kind }) => kind === 'function').length,
    'structured output': request.output !== undefined && request.output.type !== 'text' ? 1 : 0,
  }
}

function partsWithin(part: Part): readonly Part[] {
  return part.type === 'tool-result' ? [part, ...part.parts] : [part]
}

function checkTranslations(asked: RequestCase, request: InferenceRequest): void {
  const { dialect, outcomes, recording, room } = asked
  const had = contentsOf(request)
  const features = Object.keys(had)
    .filter((name) => (had[name] ?? 0) > 0)
    .map((name) => `asked: ${name}`)
  if (dialect.refuseTranslation?.(request) !== undefined) return
  // Nothing but a reference to an earlier response, which stands in the gateway's store and not in the request.
  if (request.messages.length === 0) return
  // What its own provider refused, and what asks nothing, no other provider need understand.
  if (recording.response.status >= 400 || isSilent(request)) return
  for (const to of room.targetDialects.values()) {
    if (to.id === dialect.id || to.id === 'openai-completions') continue
    const named: string[] = []
    const cell = { from: dialect.id, to: to.id, features, named }
    outcomes.check(
      `request.to.${to.id}`,
      () => {
        const { fields, losses } = encode(to, request)
        const back = clientDialectOf(room, to.id)
        if (back === undefined) return []
        // Nothing of what was asked can be said there, and that is named: the provider will say so.
        if (losses.length > 0 && hasNoTurns(fields)) return []
        const has = contentsOf(back.readRequest(Buffer.from(JSON.stringify(fields)), factsOf(request)))
        const gone = Object.keys(had).filter((name) => (has[name] ?? 0) < (had[name] ?? 0))
        named.push(...gone.map((name) => `asked: ${name}`))
        return gone.length > 0 && losses.length === 0 ? [`lost without a word: ${gone.join(', ')}`] : []
      },
      cell,
    )
  }
}

function hasNoTurns({ messages }: JsonObject): boolean {
  return Array.isArray(messages) && messages.length === 0
}

function isSilent({ messages }: InferenceRequest): boolean {
  return messages.every(({ parts }) => parts.every((part) => part.type === 'text' && part.text.trim() === ''))
}

function factsOf({ modelId, stream }: InferenceRequest): PathFacts {
  return { modelId, stream }
}
