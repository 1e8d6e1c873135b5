/** Writes one part after another as content blocks with running indexes. A block opens when there is something to say. */

import type { InferenceEvent } from '../../canonical/event.ts'
import type { JsonObject } from '../../std/json.ts'
import { DIALECT } from './dialect-id.ts'
import type { LossList } from './losses.ts'
import { say } from './say.ts'
import {
  AnswerToolIds,
  answerInput,
  hasStreamedInput,
  signatureBlock,
  thinkingBlock,
  writeCitations,
  writeProof,
} from './write-answer-block.ts'

export type PartEvent = Extract<InferenceEvent, { readonly part: number }>

/** `null` with white space around it is no longer than this. */
const NULL_CHARACTERS_MAX = 64

type Of<Type extends PartEvent['type']> = Extract<PartEvent, { readonly type: Type }>

export class PartWriter {
  /** The message's id: what tool calls without an id are named after. */
  responseId = ''
  readonly #losses: LossList
  readonly #origin: string | undefined
  readonly #toolIds = new AnswerToolIds()
  #index = 0
  #isOpen = false
  /** The pieces of a custom tool's free text, which has to become JSON. */
  #freeText: string[] | undefined
  /** The beginning of a call's arguments, held while it may turn out to be `null`; `undefined` once it is not. */
  #head: string | undefined
  #hasToolCall = false
  #hasRefusal = false

  /** `origin`: who made the answer, to seal its state with. */
  constructor(losses: LossList, origin?: string) {
    this.#losses = losses
    this.#origin = origin
  }

  get hasToolCall(): boolean {
    return this.#hasToolCall
  }

  get hasRefusal(): boolean {
    return this.#hasRefusal
  }

  write(event: PartEvent): string {
    switch (event.type) {
      case 'text-start':
      case 'refusal-start':
      case 'reasoning-start':
        // Anthropic refuses empty blocks when they are sent back, so each opens with its first words.
        return ''
      case 'text-delta':
        return this.#text(event.text)
      case 'refusal-delta':
        this.#hasRefusal = true
        return this.#text(event.text)
      case 'reasoning-delta':
        return this.#thinking(event.text)
      case 'text-end':
        return this.#textEnd(event)
      case 'reasoning-end':
        return this.#reasoningEnd(event)
      case 'refusal-end':
        return this.close()
      case 'tool-call-start':
        return this.#toolStart(event)
      case 'tool-call-delta':
        return this.#toolDelta(event)
      case 'tool-call-end':
        return this.#toolEnd()
      case 'opaque':
        return this.#opaque(event)
    }
  }

  /** Goes on in a message whose blocks were said before, the last of which may be open. */
  goOnAt(block: { readonly index: number; readonly isOpen: boolean }): void {
    this.#index = block.index
    this.#isOpen = block.isOpen
  }

  /** Ends the open block, if one is open. */
  close(): string {
    if (!this.#isOpen) return ''
    this.#isOpen = false
    const text = say({ type: 'content_block_stop', index: this.#index })
    this.#index += 1
    return text
  }

  #text(text: string): string {
    if (text === '') return ''
    return this.#ensureOpen({ type: 'text', text: '' }) + this.#delta({ type: 'text_delta', text })
  }

  /** A signature comes when the words are out, too late for a block before them. */
  #textEnd(event: Of<'text-end'>): string {
    if (event.signature) {
      this.#losses.add('thought_signature', 'Words of the Messages API that were streamed have no signature.')
    }
    const citations = writeCitations(event.citations, this.#losses)
    const opened = citations.length === 0 ? '' : this.#ensureOpen({ type: 'text', text: '' })
    const cited = citations.map((citation) => this.#delta({ type: 'citations_delta', citation }))
    return opened + cited.join('') + this.close()
  }

  #thinking(text: string): string {
    if (text === '') return ''
    return this.#openThinking() + this.#delta({ type: 'thinking_delta', thinking: text })
  }

  #openThinking(): string {
    return this.#ensureOpen(thinkingBlock('', undefined))
  }

  #reasoningEnd(event: Of<'reasoning-end'>): string {
    const { signature, data } = writeProof(event, { hasText: this.#isOpen, origin: this.#origin })
    const isSigned = signature !== undefined
    const signed = isSigned ? this.#openThinking() + this.#delta({ type: 'signature_delta', signature }) : ''
    const closed = signed + this.close()
    return data === undefined ? closed : closed + this.#whole({ type: 'redacted_thinking', data })
  }

  #toolStart(event: Of<'tool-call-start'>): string {
    this.#hasToolCall = true
    this.#freeText = event.kind === 'custom' ? [] : undefined
    this.#head = ''
    const id = this.#toolIds.give(event.id, this.responseId)
    return (
      this.#signatureBefore(event.signature) +
      this.#ensureOpen({ type: 'tool_use', id, name: event.name, input: {} })
    )
  }

  #signatureBefore(signature: string | undefined): string {
    const block = signatureBlock(signature, { origin: this.#origin, losses: this.#losses })
    return block === undefined ? '' : this.#thinkingWhole(block)
  }

  /** Clients take a signature from its delta only. */
  #thinkingWhole({ signature }: JsonObject): string {
    return this.#openThinking() + this.#delta({ type: 'signature_delta', signature }) + this.close()
  }

  #toolDelta({ argumentsDelta }: Of<'tool-call-delta'>): string {
    if (this.#freeText !== undefined) this.#freeText.push(argumentsDelta)
    else if (argumentsDelta !== '' && this.#isOpen) return this.#arguments(argumentsDelta)
    return ''
  }

  /** Some models write `null` where they have no arguments to give; an input of Anthropic is an object. */
  #arguments(delta: string): string {
    if (this.#head === undefined) return this.#inputDelta(delta)
    const head = this.#head + delta
    const isPerhapsNull = head.length <= NULL_CHARACTERS_MAX && 'null'.startsWith(head.trim())
    this.#head = isPerhapsNull ? head : undefined
    return isPerhapsNull ? '' : this.#inputDelta(head)
  }

  #toolEnd(): string {
    const freeText = this.#freeText?.join('')
    this.#freeText = undefined
    if (freeText === undefined) {
      const head = this.#head?.trim() ?? ''
      return (head === '' || head === 'null' ? '' : this.#inputDelta(head)) + this.close()
    }
    return this.#inputDelta(JSON.stringify(answerInput(freeText, 'custom'))) + this.close()
  }

  #inputDelta(partial_json: string): string {
    return this.#delta({ type: 'input_json_delta', partial_json })
  }

  #opaque({ dialect, value }: Of<'opaque'>): string {
    if (dialect === DIALECT) return this.#whole(value)
    this.#losses.add('content', 'Only its own API can express a part of this answer.')
    return ''
  }

  /** A block that is known whole, in the steps in which Anthropic streams its kind: clients wait for the deltas. */
  #whole(value: JsonObject): string {
    if (hasStreamedInput(value)) {
      const input = JSON.stringify(value['input'])
      return this.#ensureOpen({ ...value, input: {} }) + this.#inputDelta(input) + this.close()
    }
    if (value['type'] === 'compaction') {
      const { content } = value
      const delta: JsonObject = { type: 'compaction_delta', content }
      return this.#ensureOpen({ ...value, content: null }) + this.#delta(delta) + this.close()
    }
    return this.#ensureOpen(value) + this.close()
  }

  #ensureOpen(content_block: JsonObject): string {
    if (this.#isOpen) return ''
    this.#isOpen = true
    return say({ type: 'content_block_start', index: this.#index, content_block })
  }

  #delta(delta: JsonObject): string {
    return say({ type: 'content_block_delta', index: this.#index, delta })
  }
}
