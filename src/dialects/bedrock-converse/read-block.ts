/** Reads one content block of an answer. What the canonical language has no word for is kept raw. */

import type { Citation, OpaquePart, Part } from '../../canonical/message.ts'
import { arrayOf, isJsonObject, type JsonObject, objectOf, stringOf } from '../../std/json.ts'
import { DIALECT } from './dialect-id.ts'

/** A block's parts: none for empty text, several where several texts share their citations. */
export function readBlock(block: JsonObject, fallbackId: string): readonly Part[] {
  const { text, reasoningContent, toolUse, citationsContent } = block
  if (typeof text === 'string') return text === '' ? [] : [{ type: 'text', text }]
  if (isJsonObject(reasoningContent)) return [readReasoning(reasoningContent) ?? opaque(block)]
  if (isJsonObject(toolUse) && !isServerTool(toolUse)) return [readToolUse(toolUse, fallbackId)]
  if (isJsonObject(citationsContent)) return readCitedText(citationsContent)
  return [opaque(block)]
}

export function opaque(value: JsonObject): OpaquePart {
  return { type: 'opaque', dialect: DIALECT, value }
}

/** A tool that Bedrock ran itself. */
export function isServerTool(toolUse: JsonObject): boolean {
  return toolUse['type'] === 'server_tool_use'
}

function readReasoning(content: JsonObject): Part | undefined {
  const redacted = stringOf(content['redactedContent'])
  if (redacted !== undefined) return { type: 'reasoning', text: '', encrypted: redacted }
  const said = objectOf(content['reasoningText'])
  if (said === undefined) return undefined
  const signature = stringOf(said['signature'])
  return { type: 'reasoning', text: stringOf(said['text']) ?? '', ...(signature ? { signature } : {}) }
}

function readToolUse(toolUse: JsonObject, fallbackId: string): Part {
  const { input } = toolUse
  return {
    type: 'tool-call',
    id: stringOf(toolUse['toolUseId']) || fallbackId,
    name: stringOf(toolUse['name']) ?? '',
    arguments: typeof input === 'string' ? input : JSON.stringify(input ?? {}),
  }
}

function readCitedText(content: JsonObject): readonly Part[] {
  const text = arrayOf(content['content'])
    .map((piece) => (isJsonObject(piece) ? (stringOf(piece['text']) ?? '') : ''))
    .join('')
  const citations = arrayOf(content['citations']).filter(isJsonObject).map(readCitation)
  if (text === '' && citations.length === 0) return []
  return [{ type: 'text', text, ...(citations.length === 0 ? {} : { citations }) }]
}

/** Where a text came from; a citation of a document has no address but a source's name. */
export function readCitation(raw: JsonObject): Citation {
  const web = objectOf(objectOf(raw['location'])?.['web'])
  const url = stringOf(web?.['url'])
  const title = stringOf(raw['title']) ?? stringOf(web?.['domain'])
  const citedText = arrayOf(raw['sourceContent'])
    .map((piece) => (isJsonObject(piece) ? (stringOf(piece['text']) ?? '') : ''))
    .join('')
  return {
    ...(url === undefined ? {} : { url }),
    ...(title === undefined ? {} : { title }),
    ...(citedText === '' ? {} : { citedText }),
    raw,
  }
}
