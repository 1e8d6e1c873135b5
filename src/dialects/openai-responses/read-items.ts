/** The input of a request as messages: what a model said, one item after another, is folded into one turn of it. */

import type { Message, Part, Role } from '../../canonical/message.ts'
import { isJsonObject, type JsonObject, stringOf } from '../../std/json.ts'
import { DIALECT, invalid } from './fields.ts'
import { readContent } from './read-content.ts'
import { readAssistantMessage, readReasoning, readToolCall } from './read-item.ts'
import { openProof, type SealedProof } from './sealed-reasoning.ts'

export function readInput(input: unknown): readonly Message[] {
  if (input === undefined || input === null) return []
  if (typeof input === 'string') return [{ role: 'user', parts: [{ type: 'text', text: input }] }]
  if (!Array.isArray(input)) throw invalid('input', '"input" must be a string or an array of items.')
  const reader = new ItemsReader()
  for (const [index, item] of input.entries()) {
    const param = `input[${index}]`
    if (!isJsonObject(item)) throw invalid(param, `"${param}" must be an object.`)
    reader.add(item, param)
  }
  return reader.messages()
}

class ItemsReader {
  readonly #messages: Message[] = []
  /** The turn of the model that is still growing. */
  #turn: Part[] = []
  readonly #customCalls = new Set<string>()

  messages(): readonly Message[] {
    this.#closeTurn()
    return this.#messages
  }

  add(item: JsonObject, param: string): void {
    switch (item['type']) {
      case undefined:
      case 'message':
        return this.#addMessage(item, param)
      case 'function_call':
      case 'custom_tool_call':
        return this.#addCall(item, param)
      case 'function_call_output':
        return this.#addResult(item, param)
      case 'custom_tool_call_output':
        return this.#addCustomResult(item, param)
      case 'reasoning':
        return this.#addReasoning(item)
      case 'item_reference':
        throw invalid(
          param,
          `"${param}" refers to an item that is not stored here; send the item itself instead.`,
        )
      default:
        return this.#addOpaque(item)
    }
  }

  #closeTurn(): void {
    if (this.#turn.length === 0) return
    this.#messages.push({ role: 'assistant', parts: this.#turn })
    this.#turn = []
  }

  #push(role: Role, parts: readonly Part[]): void {
    this.#closeTurn()
    this.#messages.push({ role, parts })
  }

  #addMessage(item: JsonObject, param: string): void {
    const { role } = item
    switch (role) {
      case 'assistant':
        this.#turn.push(...readAssistantMessage(item, param))
        return
      case 'user':
      case 'system':
      case 'developer':
        return this.#push(role, readContent(item['content'], `${param}.content`))
      default:
        throw invalid(`${param}.role`, `"${param}.role" must be one of user, assistant, system, developer.`)
    }
  }

  #addCall(item: JsonObject, param: string): void {
    const parts = readToolCall(item)
    const [call] = parts
    if (call?.type !== 'tool-call' || call.name === '')
      throw invalid(`${param}.name`, `"${param}.name" must be a string that is not empty.`)
    if (call.id === '') throw invalid(`${param}.call_id`, `"${param}.call_id" must be a string.`)
    if (call.kind === 'custom') this.#customCalls.add(call.id)
    this.#turn.push(...parts)
  }

  #addResult(item: JsonObject, param: string): void {
    const toolCallId = stringOf(item['call_id'])
    if (!toolCallId) throw invalid(`${param}.call_id`, `"${param}.call_id" must name the call it answers.`)
    const parts = readContent(item['output'], `${param}.output`)
    this.#push('tool', [{ type: 'tool-result', toolCallId, parts }])
  }

  /** A result is known as a custom tool's by its call; without the call it stays as it is. */
  #addCustomResult(item: JsonObject, param: string): void {
    const callId = stringOf(item['call_id'])
    if (callId !== undefined && this.#customCalls.has(callId)) return this.#addResult(item, param)
    this.#addOpaque(item)
  }

  #addReasoning(item: JsonObject): void {
    const proof = openProof(stringOf(item['encrypted_content']) ?? '')
    if (proof === undefined || proof.proof.kind === 'signature' || proof.proof.kind === 'encrypted') {
      this.#turn.push(...readReasoning(item))
      return
    }
    this.#sign(proof.proof, proof.origin)
  }

  /** Gives the signature of a text or a call back to what it signs, which stands before it; else it signs nothing. */
  #sign(proof: SealedProof, origin: string): void {
    const index = this.#turn.findLastIndex((part) =>
      proof.kind === 'call-signature'
        ? part.type === 'tool-call' && part.id === proof.callId
        : part.type === 'text',
    )
    const part = this.#turn[index]
    if (part?.type !== 'text' && part?.type !== 'tool-call') return
    this.#turn[index] = { ...part, signature: proof.value, origin }
  }

  #addOpaque(item: JsonObject): void {
    const part: Part = { type: 'opaque', dialect: DIALECT, value: item }
    if (isSaidToModel(item)) this.#push('user', [part])
    else this.#turn.push(part)
  }
}

/** Outputs of tools that the client ran, its approvals, and tools it adds on the way. */
function isSaidToModel({ type }: JsonObject): boolean {
  return (
    typeof type === 'string' &&
    (type.endsWith('_output') || type === 'mcp_approval_response' || type === 'additional_tools')
  )
}
