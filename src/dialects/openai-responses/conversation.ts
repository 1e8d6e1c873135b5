/**
 * What a request refers to rather than says (a response before it, items of earlier answers), what is kept of a
 * conversation, and how a kept answer looks while it is made and when it was cut short. Pure, on bytes and objects.
 */

import { hash } from 'node:crypto'
import type { Envelope, Span } from '../../canonical/envelope.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import {
  arrayOf,
  isJsonObject,
  type JsonObject,
  numberOf,
  objectOf,
  parseJson,
  stringOf,
} from '../../std/json.ts'
import { decodeJsonValue, type Splice, scanJsonObject, spliceBytes } from '../../wire/json-scan.ts'
import { encodeSse } from '../../wire/sse.ts'
import type {
  ConversationFace,
  FailedRequest,
  FoundReferences,
  NumberedEvent,
  PendingAnswer,
  References,
} from '../dialect.ts'
import { isEmptyAt, isTrueAt, presentSpan } from '../field-checks.ts'
import { failedEvent, failedResponse } from './answer-error.ts'
import { parseBody } from './read-request.ts'
import { beginResponse } from './response-object.ts'

export const conversation: ConversationFace = {
  readReferences,
  resolve,
  inputItems,
  outputItems,
  wholeAnswer,
  pendingAnswer,
  endedAnswer,
  failedEvents,
  renamedEvent,
}

type Fields = Envelope['fields']

/** The input is decoded only where it may hold a reference. */
function readReferences(body: Uint8Array, { fields }: Envelope): References {
  const previousId = textAt(body, fields, 'previous_response_id')
  const store = presentSpan(body, fields, 'store')
  return {
    ...(previousId === undefined ? {} : { previousId }),
    itemIds: [...new Set(referencesIn(body, fields))],
    // OpenAI keeps an answer unless it is told not to.
    isStored: store === undefined || isTrueAt(body, fields, 'store'),
    isBackground: isTrueAt(body, fields, 'background'),
  }
}

/** The previous response is no longer named, so that whoever reads the body next needs to know of nothing else. */
function resolve(body: Uint8Array, found: FoundReferences): Uint8Array {
  const { fields, bodyStart } = scanJsonObject(body)
  const history = found.history.map((item) => resolved(item, found))
  const splices: Splice[] = []
  const previous = presentSpan(body, fields, 'previous_response_id')
  if (previous !== undefined) splices.push({ ...previous, text: 'null' })
  const span = presentSpan(body, fields, 'input')
  if (span !== undefined) splices.push(...inputSplices(body, { span, fields, history, found }))
  else splices.push(...missingInput({ history, nothing: fields.get('input'), bodyStart }))
  return spliceBytes(body, splices)
}

interface MissingInput {
  readonly history: readonly unknown[]
  /** Where `null` stands. */
  readonly nothing: Span | undefined
  readonly bodyStart: number
}

function missingInput({ history, nothing, bodyStart }: MissingInput): readonly Splice[] {
  if (history.length === 0) return []
  const text = JSON.stringify(history)
  return nothing === undefined
    ? [{ start: bodyStart, end: bodyStart, text: `"input":${text},` }]
    : [{ ...nothing, text }]
}

interface OwnInput {
  readonly span: Span
  readonly fields: Fields
  readonly history: readonly unknown[]
  readonly found: FoundReferences
}

/** The client's own items keep their bytes where none of them is a reference. */
function inputSplices(body: Uint8Array, { span, fields, history, found }: OwnInput): readonly Splice[] {
  if (referencesIn(body, fields).length > 0) {
    const own = arrayOf(decodeJsonValue(body, span)).map((item) => resolved(item, found))
    return [{ ...span, text: JSON.stringify([...history, ...own]) }]
  }
  if (history.length === 0) return []
  const head = history.map((item) => JSON.stringify(item)).join(',')
  if (body[span.start] === OPEN_BRACKET) {
    const at = span.start + 1
    return [{ start: at, end: at, text: isEmptyAt(body, span) ? head : `${head},` }]
  }
  const content = JSON.stringify(decodeJsonValue(body, span))
  return [{ ...span, text: `[${head},{"role":"user","content":${content}}]` }]
}

/** The item meant, or the item itself; ids that were made up here mean nothing to anybody else. */
function resolved(item: unknown, found: FoundReferences): unknown {
  const id = referenceOf(item)
  if (id === undefined) return withoutMadeUpId(item)
  const known = found.item(id)
  if (known !== undefined) return withoutMadeUpId(known)
  const shown = id.replaceAll(/[^\w.:-]/g, '?').slice(0, ID_SHOWN_MAX)
  throw new GatewayError('response_not_found', `Item with id '${shown}' not found.`, { param: 'input' })
}

function withoutMadeUpId(item: unknown): unknown {
  if (!isJsonObject(item) || typeof item['id'] !== 'string' || !MADE_UP_ID.test(item['id'])) return item
  const { id: _id, ...rest } = item
  return rest
}

const OPEN_BRACKET = 0x5b
const ID_SHOWN_MAX = 80
const MADE_UP_ID = /^[a-z]+_said_[0-9a-f]{32}$/
const REFERENCE = Buffer.from('item_reference')
/** The type may be left out: an item that has nothing but an id. */
const BARE_REFERENCE = /\{\s*"id"\s*:\s*"[^"]*"\s*[,}]/

function referencesIn(body: Uint8Array, fields: Fields): readonly string[] {
  const span = presentSpan(body, fields, 'input')
  if (span === undefined || body[span.start] !== OPEN_BRACKET) return []
  const bytes = Buffer.from(body.buffer, body.byteOffset + span.start, span.end - span.start)
  if (!bytes.includes(REFERENCE) && !mayHoldBare(bytes)) return []
  return arrayOf(decodeJsonValue(body, span)).flatMap((item) => {
    const id = referenceOf(item)
    return id === undefined ? [] : [id]
  })
}

function mayHoldBare(bytes: Buffer): boolean {
  return bytes.includes('"id"') && BARE_REFERENCE.test(bytes.toString('latin1'))
}

function referenceOf(item: unknown): string | undefined {
  if (!isJsonObject(item)) return undefined
  const { type, id } = item
  if (typeof id !== 'string' || id === '') return undefined
  if (type === 'item_reference') return id
  const isBare = Object.keys(item).every((name) => name === 'id' || (name === 'type' && type === null))
  return isBare ? id : undefined
}

function textAt(body: Uint8Array, fields: Fields, name: string): string | undefined {
  const span = presentSpan(body, fields, name)
  return span === undefined ? undefined : stringOf(decodeJsonValue(body, span)) || undefined
}

/** In the form in which OpenAI lists them: messages with a type, content as parts. References stay what they are. */
function inputItems(body: Uint8Array): readonly JsonObject[] {
  const { input } = parseBody(body)
  const items: readonly unknown[] =
    typeof input === 'string' ? [{ role: 'user', content: input }] : arrayOf(input)
  const idOf = idsMadeUpFor(body)
  return items.filter(isJsonObject).map((item, index) => listedItem(item, (type) => idOf(type, index)))
}

function listedItem(item: JsonObject, madeUpId: (type: string) => string): JsonObject {
  if (referenceOf(item) !== undefined) return item
  const type = stringOf(item['type']) ?? 'message'
  const { content } = item
  const kind = item['role'] === 'assistant' ? 'output_text' : 'input_text'
  const parts = typeof content === 'string' ? { content: [{ type: kind, text: content }] } : {}
  return { ...item, ...parts, type, id: stringOf(item['id']) || madeUpId(type) }
}

const DIGEST_CHARACTERS = 24
const INDEX_CHARACTERS = 8

/** The same whenever the same request is read, which is hashed once and only where an item lacks its id. */
function idsMadeUpFor(body: Uint8Array): (type: string, index: number) => string {
  let digest: string | undefined
  return (type, index) => {
    digest ??= hash('sha256', body, 'hex').slice(0, DIGEST_CHARACTERS)
    const place = index.toString(16).padStart(INDEX_CHARACTERS, '0')
    return `${prefixes.get(type) ?? 'item'}_said_${digest}${place}`
  }
}

/** How the ids of each kind begin at OpenAI. */
const prefixes: ReadonlyMap<string, string> = new Map([
  ['message', 'msg'],
  ['reasoning', 'rs'],
  ['function_call', 'fc'],
  ['function_call_output', 'fco'],
  ['custom_tool_call', 'ctc'],
  ['custom_tool_call_output', 'cto'],
])

function outputItems(answer: JsonObject): readonly JsonObject[] {
  return arrayOf(answer['output']).filter(isJsonObject)
}

const lastEvents: ReadonlySet<string> = new Set([
  'response.completed',
  'response.incomplete',
  'response.failed',
  'response.cancelled',
])

function wholeAnswer({
  name,
  data,
}: {
  readonly name: string
  readonly data: string
}): JsonObject | undefined {
  if (!lastEvents.has(name)) return undefined
  return objectOf(objectOf(parseJson(data))?.['response'])
}

function pendingAnswer(init: PendingAnswer): JsonObject {
  return { ...beginResponse(init), status: 'queued', background: true }
}

function endedAnswer(answer: JsonObject, how: 'cancelled' | FailedRequest): JsonObject {
  if (how === 'cancelled') return { ...answer, status: 'cancelled' }
  const { error, requestId } = how
  return failedResponse(answer, error, { requestId, attempts: error.attempts })
}

/** Programs take any other event before `response.created` for a broken stream. */
function failedEvents(answer: JsonObject, sequence: number): readonly NumberedEvent[] {
  const begun = sequence === 0 ? [createdEvent({ ...answer, status: 'queued', error: null })] : []
  const last = sequence + begun.length
  return [...begun, { sequence: last, bytes: Buffer.from(failedEvent(answer, last)) }]
}

function createdEvent(response: JsonObject): NumberedEvent {
  const event = { type: 'response.created', response, sequence_number: 0 }
  return { sequence: 0, bytes: Buffer.from(encodeSse(JSON.stringify(event), event.type)) }
}

function renamedEvent(data: string, id: string): NumberedEvent | undefined {
  const event = objectOf(parseJson(data))
  const sequence = numberOf(event?.['sequence_number'])
  if (event === undefined || sequence === undefined) return undefined
  const response = objectOf(event['response'])
  const renamed =
    response === undefined ? event : { ...event, response: { ...response, id, background: true } }
  const text = response === undefined ? data : JSON.stringify(renamed)
  return { sequence, bytes: Buffer.from(encodeSse(text, stringOf(event['type']))) }
}
