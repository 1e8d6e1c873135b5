/** Reads a conversation: contents of parts, where calls of tools and their results may have no ids. */

import type { Message, Part, ReasoningPart, TextPart, ToolResultPart } from '../../canonical/message.ts'
import { arrayOf, isJsonObject, type JsonObject, stringOf } from '../../std/json.ts'
import { openSeals } from '../open-seals.ts'
import { syntheticCallId, usableId } from './call-ids.ts'
import { DIALECT, fieldOf, invalid, objectAt } from './fields.ts'
import { readMedia } from './read-media.ts'
import { isPlaceholderSignature } from './thought-signatures.ts'

/** A string, a content, a part or a list of parts: Google's SDKs hand on whatever they were given. */
export function readSystem(value: unknown): readonly Message[] {
  if (value === undefined) return []
  const content = isJsonObject(value) && value['parts'] !== undefined ? value['parts'] : value
  const calls = new OpenCalls()
  const parts = listOf(content)
    .flatMap((part, index) => readPart(part, `systemInstruction.parts[${index}]`, calls))
    .filter((part) => part.type !== 'text' || part.text !== '')
  return parts.length === 0 ? [] : [{ role: 'system', parts }]
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}

export function readContents(value: unknown): readonly Message[] {
  const contents = Array.isArray(value) ? value : isJsonObject(value) ? [value] : []
  if (contents.length === 0) throw invalid('contents', '"contents" must be an array of at least one content.')
  const calls = new OpenCalls()
  return joinTurns(contents.flatMap((content, index) => readContent(content, `contents[${index}]`, calls)))
}

function readContent(value: unknown, path: string, calls: OpenCalls): readonly Message[] {
  if (!isJsonObject(value)) throw invalid(path, `"${path}" must be an object with a role and parts.`)
  const role = roles.get(value['role']) ?? 'user'
  const given = value['parts']
  const list = Array.isArray(given) ? given : given === undefined ? [] : [given]
  const parts = joinText(list.flatMap((part, index) => readPart(part, `${path}.parts[${index}]`, calls)))
  return splitToolResults(role, parts)
}

/** Everybody else is the user: `function`, `tool`, and whoever has no role. */
const roles: ReadonlyMap<unknown, 'assistant' | 'system'> = new Map<unknown, 'assistant' | 'system'>([
  ['model', 'assistant'],
  ['assistant', 'assistant'],
  ['system', 'system'],
])

/** A turn of this dialect holds tool results too; in the canonical language each is a turn of its own. */
function splitToolResults(role: Message['role'], parts: readonly Part[]): readonly Message[] {
  const messages: Message[] = []
  let said: Part[] = []
  for (const part of parts) {
    if (part.type !== 'tool-result') {
      said.push(part)
      continue
    }
    if (said.length > 0) messages.push({ role, parts: said })
    said = []
    messages.push({ role: 'tool', parts: [part] })
  }
  if (said.length > 0 || messages.length === 0) messages.push({ role, parts: said })
  return messages
}

/** Google takes a turn in several contents (its SDK keeps a streamed one in as many as it came in); it is one turn. */
function joinTurns(messages: readonly Message[]): readonly Message[] {
  const joined: Message[] = []
  for (const message of messages) {
    const last = joined.at(-1)
    const continues = last?.role === message.role && message.role !== 'tool' && message.role !== 'system'
    if (!continues || last === undefined) joined.push(message)
    else joined[joined.length - 1] = { ...last, parts: joinPieces(last, message) }
  }
  return joined.map((message) =>
    message.role === 'assistant' ? { ...message, parts: openSeals(message.parts) } : message,
  )
}

/** What a model says in one content may go on in the next, where its proof may stand too. */
function joinPieces({ role, parts }: Message, { parts: [first, ...rest] }: Message): readonly Part[] {
  const last = parts.at(-1)
  if (first === undefined) return parts
  if (role !== 'assistant' || last === undefined || !goesOn(last, first)) return [...parts, first, ...rest]
  return [...parts.slice(0, -1), withBefore(last, first), ...rest]
}

function readPart(part: unknown, path: string, calls: OpenCalls): readonly Part[] {
  if (typeof part === 'string') return [{ type: 'text', text: part }]
  if (!isJsonObject(part)) throw invalid(path, `"${path}" must be an object.`)
  const call = objectAt(part, 'functionCall')
  if (call !== undefined) return [readCall(call, signatureOf(part), calls)]
  const response = objectAt(part, 'functionResponse')
  if (response !== undefined) return [readResponse(response, calls)]
  if (typeof part['text'] === 'string') return [readText(part['text'], part)]
  const media = readMedia(part)
  if (media !== undefined) return [media]
  return Object.keys(part).length === 0 ? [] : [{ type: 'opaque', dialect: DIALECT, value: part }]
}

type Signature = { readonly signature?: string }

function signatureOf(part: JsonObject): Signature {
  const signature = stringOf(fieldOf(part, 'thoughtSignature'))
  return signature === undefined || signature === '' || isPlaceholderSignature(signature) ? {} : { signature }
}

function readText(text: string, part: JsonObject): Part {
  return { type: part['thought'] === true ? 'reasoning' : 'text', text, ...signatureOf(part) }
}

function readCall(call: JsonObject, signature: Signature, calls: OpenCalls): Part {
  const name = stringOf(call['name']) ?? ''
  const id = calls.open(name, usableId(call['id']))
  return { type: 'tool-call', id, name, arguments: JSON.stringify(call['args'] ?? {}), ...signature }
}

/** Google's own convention: `output` is what the tool answered, `error` why it did not; anything else is the answer itself. */
function readResponse(value: JsonObject, calls: OpenCalls): ToolResultPart {
  const toolCallId = calls.close(stringOf(value['name']) ?? '', usableId(value['id']))
  const response = value['response']
  const media = arrayOf(value['parts'])
    .filter(isJsonObject)
    .map((part): Part => readMedia(part) ?? { type: 'opaque', dialect: DIALECT, value: part })
  const failure = soleField(response, 'error')
  const text = failure ?? soleField(response, 'output') ?? response
  return {
    type: 'tool-result',
    toolCallId,
    parts: [{ type: 'text', text: typeof text === 'string' ? text : JSON.stringify(text ?? {}) }, ...media],
    ...(failure === undefined ? {} : { isError: true }),
  }
}

/** The string under the one field that an object has. */
function soleField(value: unknown, name: string): string | undefined {
  return isJsonObject(value) && Object.keys(value).length === 1 ? stringOf(value[name]) : undefined
}

/** Pieces of one text, the last of which may bring its signature. */
function joinText(parts: readonly Part[]): readonly Part[] {
  const joined: Part[] = []
  for (const part of parts) {
    const last = joined.at(-1)
    const isPiece = part.type === 'reasoning' || (part.type === 'text' && part.text === '')
    if (last !== undefined && isPiece && goesOn(last, part))
      joined[joined.length - 1] = withBefore(last, part)
    else joined.push(part)
  }
  return joined.filter((part) => part.type !== 'text' || part.text !== '' || part.signature !== undefined)
}

/** Text goes on in text, and thought in thought, up to the piece that is signed. */
function goesOn(last: Part, part: Part): boolean {
  return isSaid(last) && last.type === part.type && last.signature === undefined
}

function withBefore(last: Part, part: Part): Part {
  return isSaid(last) && isSaid(part) ? { ...part, text: last.text + part.text } : part
}

function isSaid(part: Part): part is TextPart | ReasoningPart {
  return part.type === 'text' || part.type === 'reasoning'
}

/** Pairs calls with their results by id or, where there is none, by name and order. */
class OpenCalls {
  readonly #unanswered: { readonly name: string; readonly id: string }[] = []
  #count = 0

  open(name: string, given: string | undefined): string {
    const id = given ?? syntheticCallId(name, 0, this.#count)
    this.#count += 1
    this.#unanswered.push({ name, id })
    return id
  }

  /** A result without a call gets an id of its own: the provider then says what is wrong. */
  close(name: string, given: string | undefined): string {
    const at = this.#unanswered.findIndex((call) =>
      given === undefined ? call.name === name : call.id === given,
    )
    const [found] = at < 0 ? [] : this.#unanswered.splice(at, 1)
    return found?.id ?? given ?? syntheticCallId(name, 0, this.#count)
  }
}
