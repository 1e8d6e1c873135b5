/**
 * Reasoning has many homes in this dialect: `reasoning_content` (DeepSeek and most), `reasoning` (Groq, OpenRouter,
 * Ollama), `reasoning_text` (Copilot), `reasoning_details` (OpenRouter, beside another) and content parts (Mistral).
 */

import { arrayOf, isJsonObject, type JsonObject, stringOf } from '../../std/json.ts'

/** Best first. Where two carry reasoning they carry the same, so an answer is read from one of them alone. */
const textFields = ['reasoning_content', 'reasoning', 'reasoning_text'] as const

export type ReasoningHome = (typeof textFields)[number] | 'reasoning_details' | 'content'

export interface ReasoningPiece {
  readonly home: ReasoningHome
  readonly text: string
}

/** The reasoning in a message or delta outside of its content. */
export function readReasoning(message: JsonObject): ReasoningPiece | undefined {
  for (const home of textFields) {
    const text = message[home]
    if (typeof text === 'string' && text !== '') return { home, text }
  }
  const details = message['reasoning_details']
  if (!Array.isArray(details) || details.length === 0) return undefined
  const text = details.map(textOfDetail).join('')
  return text === '' ? undefined : { home: 'reasoning_details', text }
}

function textOfDetail(detail: unknown): string {
  if (!isJsonObject(detail)) return ''
  return stringOf(detail['text']) ?? stringOf(detail['summary']) ?? ''
}

/** What proves or hides reasoning, where a server hands it on. */
export interface ReasoningProof {
  readonly signature?: string
  readonly encrypted?: string
}

export function readReasoningProof(message: JsonObject): ReasoningProof | undefined {
  const details = message['reasoning_details']
  if (!Array.isArray(details)) return undefined
  let signature: string | undefined
  let encrypted: string | undefined
  for (const detail of details) {
    if (!isJsonObject(detail)) continue
    signature = stringOf(detail['signature']) || signature
    encrypted = stringOf(detail['data']) || encrypted
  }
  if (signature === undefined && encrypted === undefined) return undefined
  return {
    ...(signature === undefined ? {} : { signature }),
    ...(encrypted === undefined ? {} : { encrypted }),
  }
}

/** The text of a `thinking` content part, whose own content is a string or parts again. */
export function readThinkingPart(part: JsonObject): string {
  const { thinking } = part
  if (typeof thinking === 'string') return thinking
  return arrayOf(thinking)
    .map((piece) => (isJsonObject(piece) ? (stringOf(piece['text']) ?? '') : ''))
    .join('')
}
