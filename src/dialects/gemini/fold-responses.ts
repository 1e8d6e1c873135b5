/** Folds the responses of a stream into the one response they amount to; fields that are not known are kept. */

import { arrayOf, isJsonObject, type JsonObject, type JsonValue, objectOf, stringOf } from '../../std/json.ts'
import { isInPieces, isNameless } from './call-reader.ts'
import { fieldOf, fieldsBut, objectAt } from './fields.ts'
import { PartialArgs } from './partial-args.ts'

type Open = Record<string, JsonValue | undefined>

interface FoldedCandidate {
  readonly fields: Open
  readonly content: Open
  readonly parts: Open[]
  /** The call whose arguments are coming in pieces. */
  call?: { readonly part: Open; readonly named: JsonObject; readonly args: PartialArgs } | undefined
}

export class ResponseFold {
  readonly #response: Open = {}
  readonly #candidates = new Map<number, FoldedCandidate>()

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
      .map(([, candidate]) => {
        endCall(candidate)
        const { fields, content, parts } = candidate
        return { content: { ...content, parts }, ...fields }
      })
    return { ...(candidates.length === 0 ? {} : { candidates }), ...this.#response }
  }

  #addCandidate(index: number, candidate: JsonObject): void {
    const known: FoldedCandidate = this.#candidates.get(index) ?? { fields: {}, content: {}, parts: [] }
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

function addContent(known: FoldedCandidate, content: JsonObject): void {
  for (const [name, value] of Object.entries(content)) if (name !== 'parts') known.content[name] = value
  for (const part of arrayOf(content['parts'])) {
    if (!isJsonObject(part)) continue
    const call = objectAt(part, 'functionCall')
    if (call === undefined) addPart(known.parts, part)
    else addCall(known, part, call)
  }
}

/** A call whose arguments came in pieces is said as one that came whole. */
function addCall(known: FoldedCandidate, part: JsonObject, call: JsonObject): void {
  if (!isNameless(call) || known.call === undefined) {
    endCall(known)
    const said: Open = { ...part }
    known.parts.push(said)
    if (!isInPieces(call)) return
    known.call = { part: said, named: call, args: new PartialArgs(call['args']) }
  }
  known.call.args.add(fieldOf(call, 'partialArgs'))
  const signature = fieldOf(part, 'thoughtSignature')
  if (signature !== undefined) known.call.part['thoughtSignature'] = signature
  if (fieldOf(call, 'willContinue') !== true) endCall(known)
}

const PIECES: ReadonlySet<string> = new Set(['args', 'partialArgs', 'willContinue'])

function endCall(known: FoldedCandidate): void {
  if (known.call === undefined) return
  const { part, named, args } = known.call
  // Sound: the text was written from JSON values under names.
  part['functionCall'] = { ...fieldsBut(named, PIECES), args: JSON.parse(args.toString()) as JsonObject }
  known.call = undefined
}

/** Pieces of one text are joined up to the one that is signed. */
function addPart(parts: Open[], part: JsonObject): void {
  const last = parts.at(-1)
  if (last === undefined || !isPlainText(last) || !continues(last, part)) {
    parts.push({ ...part })
    return
  }
  Object.assign(last, part, { text: `${stringOf(last['text']) ?? ''}${stringOf(part['text']) ?? ''}` })
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
