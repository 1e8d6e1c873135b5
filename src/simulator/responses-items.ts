/** What a script comes to in Responses: its output items, and the events that build each of them. */

import { objectOf } from '../std/json.ts'
import type { Frame } from './frame.ts'
import { kindOfPart, type StreamPiece } from './piece.ts'
import type { ScriptChoice, ScriptPart } from './script.ts'
import { splitTokens, tokensOfLength } from './tokens.ts'

/** Reasoning that no key opens: what stands there was never encrypted. */
export const SIMULATED_ENCRYPTED_CONTENT = Buffer.from('simulated reasoning, encrypted by nobody').toString(
  'base64',
)

export interface ResponsesEvent {
  readonly kind: StreamPiece['kind']
  readonly type: string
  readonly fields: object
  readonly tokens?: number
}

type Status = 'in_progress' | 'completed' | 'incomplete'

/** The items of a whole answer. */
export function outputItems(choice: ScriptChoice, frame: Frame): readonly object[] {
  return choice.parts.map((part, index) => itemOf(part, { frame, index, status: statusOf(choice, index) }))
}

/** The events of every item, one item after the other. */
export function itemEvents(choice: ScriptChoice, frame: Frame): readonly ResponsesEvent[] {
  return choice.parts.flatMap((part, index) => {
    const place = { frame, index, status: statusOf(choice, index) }
    return [
      added(part, place),
      ...contentEvents(part, place),
      event('other', 'response.output_item.done', { output_index: index, item: itemOf(part, place) }),
    ]
  })
}

/** Only the last item of an answer can be cut short. */
function statusOf({ parts, finish }: ScriptChoice, index: number): Status {
  const isCut = finish === 'length' || finish === 'content-filter'
  return isCut && index === parts.length - 1 ? 'incomplete' : 'completed'
}

interface Place {
  readonly frame: Frame
  readonly index: number
  readonly status: Status
}

const ITEM_PREFIXES = { reasoning: 'rs', text: 'msg', refusal: 'msg', 'tool-call': 'fc' } as const

/** Derived from the response's own id, so that an item has one id in all its events. */
function itemId(part: ScriptPart, { frame, index }: Place): string {
  return `${ITEM_PREFIXES[part.type]}_${frame.id.replace(/^[a-z]+[_-]/, '')}${index}`
}

function itemOf(part: ScriptPart, place: Place): object {
  const id = itemId(part, place)
  switch (part.type) {
    case 'reasoning':
      return {
        id,
        type: 'reasoning',
        ...encryptedContent(place.frame),
        summary: isSummaryShown(place.frame) ? [{ type: 'summary_text', text: part.text }] : [],
      }
    case 'text':
    case 'refusal': {
      const content = [contentPart(part, part.text)]
      return { id, type: 'message', status: place.status, content, role: 'assistant' }
    }
    case 'tool-call':
      return { ...functionCall(part, id), status: place.status, arguments: part.arguments }
  }
}

/** The item as it is announced: nothing in it yet. */
function added(part: ScriptPart, place: Place): ResponsesEvent {
  const id = itemId(part, place)
  const kind = part.type === 'tool-call' ? 'tool' : 'other'
  return event(kind, 'response.output_item.added', {
    output_index: place.index,
    item: openItem(part, id, place),
  })
}

function openItem(part: ScriptPart, id: string, { frame }: Place): object {
  switch (part.type) {
    case 'reasoning':
      return { id, type: 'reasoning', ...encryptedContent(frame), summary: [] }
    case 'text':
    case 'refusal':
      return { id, type: 'message', status: 'in_progress', content: [], role: 'assistant' }
    case 'tool-call':
      return { ...functionCall(part, id), status: 'in_progress', arguments: '' }
  }
}

function functionCall(part: Extract<ScriptPart, { type: 'tool-call' }>, id: string): object {
  return { id, type: 'function_call', call_id: part.id, name: part.name }
}

function encryptedContent({ fields }: Frame): object {
  const { include } = fields ?? {}
  const isAsked = Array.isArray(include) && include.includes('reasoning.encrypted_content')
  return isAsked ? { encrypted_content: SIMULATED_ENCRYPTED_CONTENT } : {}
}

/** A request about reasoning sees a summary where it asks for one; a model that reasons unasked shows what it thinks. */
function isSummaryShown({ fields }: Frame): boolean {
  const reasoning = objectOf(fields?.['reasoning'])
  return (
    reasoning === undefined || typeof (reasoning['summary'] ?? reasoning['generate_summary']) === 'string'
  )
}

function contentEvents(part: ScriptPart, place: Place): readonly ResponsesEvent[] {
  switch (part.type) {
    case 'reasoning':
      return isSummaryShown(place.frame) ? summaryEvents(part, place) : []
    case 'text':
    case 'refusal':
      return spokenEvents(part, place)
    case 'tool-call':
      return argumentEvents(part, place)
  }
}

function summaryEvents(
  part: Extract<ScriptPart, { type: 'reasoning' }>,
  place: Place,
): readonly ResponsesEvent[] {
  const at = { item_id: itemId(part, place), output_index: place.index, summary_index: 0 }
  const partOf = (text: string) => ({ ...at, part: { type: 'summary_text', text } })
  return [
    event('other', 'response.reasoning_summary_part.added', partOf('')),
    ...deltas(part, 'response.reasoning_summary_text.delta', place, at),
    event('other', 'response.reasoning_summary_text.done', { ...at, text: part.text }),
    event('other', 'response.reasoning_summary_part.done', partOf(part.text)),
  ]
}

type SpokenPart = Extract<ScriptPart, { type: 'text' | 'refusal' }>

function contentPart(part: SpokenPart, text: string): object {
  return part.type === 'refusal'
    ? { type: 'refusal', refusal: text }
    : { type: 'output_text', annotations: [], logprobs: [], text }
}

function spokenEvents(part: SpokenPart, place: Place): readonly ResponsesEvent[] {
  const at = { item_id: itemId(part, place), output_index: place.index, content_index: 0 }
  const isRefusal = part.type === 'refusal'
  const name = isRefusal ? 'response.refusal' : 'response.output_text'
  const done = isRefusal ? { refusal: part.text } : { text: part.text, logprobs: [] }
  return [
    event('other', 'response.content_part.added', { ...at, part: contentPart(part, '') }),
    ...deltas(part, `${name}.delta`, place, isRefusal ? at : { ...at, logprobs: [] }),
    event('other', `${name}.done`, { ...at, ...done }),
    event('other', 'response.content_part.done', { ...at, part: contentPart(part, part.text) }),
  ]
}

function argumentEvents(
  part: Extract<ScriptPart, { type: 'tool-call' }>,
  place: Place,
): readonly ResponsesEvent[] {
  const at = { item_id: itemId(part, place), output_index: place.index }
  const done = { ...at, name: part.name, arguments: part.arguments }
  return [
    ...deltas(part, 'response.function_call_arguments.delta', place, at),
    event('other', 'response.function_call_arguments.done', done),
  ]
}

function deltas(part: ScriptPart, type: string, { frame }: Place, at: object): readonly ResponsesEvent[] {
  const text = part.type === 'tool-call' ? part.arguments : part.text
  return splitTokens(text, frame.tokensPerChunk).map((delta) => ({
    kind: kindOfPart(part),
    type,
    fields: { ...at, delta },
    tokens: tokensOfLength(delta.length),
  }))
}

function event(kind: ResponsesEvent['kind'], type: string, fields: object): ResponsesEvent {
  return { kind, type, fields }
}
