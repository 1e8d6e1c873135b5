/** Folds the responses of a stream into the one response they amount to; fields that are not known are kept. */

import { arrayOf, isJsonObject, type JsonObject, type JsonValue, objectOf } from '../../std/json.ts'
import { fieldOf } from './fields.ts'

type Open = Record<string, JsonValue | undefined>

export class ResponseFold {
  readonly #response: Open = {}
  readonly #candidates = new Map<number, { fields: Open; content: Open; parts: Open[] }>()

  add(response: JsonObject): void {
    for (const [name, value] of Object.entries(response)) {
      if (name !== 'candidates' && value !== undefined) this.#response[name] = value
    }
    for (const [place, candidate] of arrayOf(response['candidates']).entries()) {
      if (!isJsonObject(candidate)) continue
      this.#addCandidate(typeof candidate['index'] === 'number' ? candidate['index'] : place, candidate)
    }
  }

  result(): JsonObject {
    const candidates = [...this.#candidates.entries()]
      .toSorted(([left], [right]) => left - right)
      .map(([, { fields, content, parts }]) => ({ content: { ...content, parts }, ...fields }))
    return { ...(candidates.length === 0 ? {} : { candidates }), ...this.#response }
  }

  #addCandidate(index: number, candidate: JsonObject): void {
    const known = this.#candidates.get(index) ?? { fields: {}, content: {}, parts: [] }
    this.#candidates.set(index, known)
    for (const [name, value] of Object.entries(candidate)) {
      if (name === 'content') addContent(known, objectOf(value) ?? {})
      else if (name === 'logprobsResult') known.fields[name] = joined(objectOf(known.fields[name]), value)
      else if (value !== undefined) known.fields[name] = value
    }
  }
}

export function foldResponses(responses: readonly JsonObject[]): JsonObject {
  const fold = new ResponseFold()
  for (const response of responses) fold.add(response)
  return fold.result()
}

function addContent(known: { content: Open; parts: Open[] }, content: JsonObject): void {
  for (const [name, value] of Object.entries(content)) if (name !== 'parts') known.content[name] = value
  for (const part of arrayOf(content['parts'])) if (isJsonObject(part)) addPart(known.parts, part)
}

/** Pieces of one text are joined up to the one that is signed. */
function addPart(parts: Open[], part: JsonObject): void {
  const last = parts.at(-1)
  if (last === undefined || !isPlainText(last) || !continues(last, part)) {
    parts.push({ ...part })
    return
  }
  Object.assign(last, part, { text: `${String(last['text'])}${String(part['text'])}` })
}

function isPlainText(part: Open): boolean {
  return typeof part['text'] === 'string' && fieldOf(part, 'thoughtSignature') === undefined
}

function continues(last: Open, part: JsonObject): boolean {
  return typeof part['text'] === 'string' && (last['thought'] === true) === (part['thought'] === true)
}

/** Every list of the one, continued by the other's. */
function joined(known: JsonObject | undefined, value: JsonValue | undefined): JsonValue | undefined {
  if (known === undefined || !isJsonObject(value)) return value
  const lists = Object.entries(value).map(([name, list]) => [
    name,
    // Sound: elements of parsed JSON are JSON.
    Array.isArray(list) ? ([...arrayOf(known[name]), ...list] as JsonValue[]) : list,
  ])
  return { ...known, ...Object.fromEntries(lists) }
}
