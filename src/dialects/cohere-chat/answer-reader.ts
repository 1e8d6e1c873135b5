/** Takes in an answer of Cohere, whole or event by event, and says it as the events every dialect shares. */

import { arrayOf, isJsonObject, type JsonObject, objectOf, stringOf } from '../../std/json.ts'
import { AnswerParts } from '../answer-parts.ts'
import { syntheticCallId } from '../openai-chat/tool-slots.ts'
import { DIALECT } from './dialect-id.ts'
import { readFinish } from './finish-words.ts'
import { citesText, readCitation } from './read-citation.ts'
import { finishError } from './read-error.ts'
import { readLogprobs } from './read-logprobs.ts'
import { readUsage } from './read-usage.ts'

/** A plan of tool calls is reasoning beside the numbered blocks. */
const PLAN_BLOCK = -1

export class AnswerReader {
  readonly parts = new AnswerParts()
  #answerKey = ''
  #isFinished = false
  #isFailed = false

  /** The answer ended, and not with an error. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  get isEnded(): boolean {
    return this.#isFinished || this.#isFailed
  }

  /** A whole plain answer. */
  readAnswer(answer: JsonObject): void {
    this.#start(answer['id'])
    const message = objectOf(answer['message']) ?? {}
    this.#plan(message['tool_plan'])
    this.#readContent(message)
    arrayOf(message['tool_calls']).forEach((call, index) => {
      this.#openCall(call, index)
      this.parts.closeCall(index)
    })
    this.parts.logprobs(readLogprobs(answer['logprobs']))
    this.#end(answer)
  }

  /** One event of a stream. Kinds that are not known, and ends that say nothing new, mean nothing. */
  readEvent(event: JsonObject): void {
    const delta = objectOf(event['delta']) ?? {}
    const message = objectOf(delta['message']) ?? {}
    const index = typeof event['index'] === 'number' ? event['index'] : 0
    switch (stringOf(event['type'])) {
      case 'message-start':
        return this.#start(event['id'])
      case 'content-start':
      case 'content-delta':
        this.parts.logprobs(readLogprobs(event['logprobs'] ?? delta['logprobs']))
        return this.#readBlock(message['content'], index)
      case 'tool-plan-delta':
        return this.#plan(message['tool_plan'])
      case 'tool-call-start':
        return this.#openCall(message['tool_calls'], index)
      case 'tool-call-delta':
        return this.parts.growCall(index, argumentsOf(message['tool_calls']))
      case 'tool-call-end':
        return this.parts.closeCall(index)
      case 'citation-start':
        return this.#cite(message['citations'])
      case 'message-end':
        return this.#end(delta)
      default:
    }
  }

  #start(id: unknown): void {
    if (this.parts.isStarted) return
    const responseId = stringOf(id)
    this.#answerKey = responseId ?? ''
    this.parts.start(responseId === undefined || responseId === '' ? {} : { responseId })
  }

  #plan(plan: unknown): void {
    this.#begin()
    if (typeof plan === 'string') this.parts.reasoning(plan, PLAN_BLOCK)
  }

  /** Citations stand beside the blocks; one without a number belongs to the first text. */
  #readContent({ content, citations }: JsonObject): void {
    const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : arrayOf(content)
    const cited = arrayOf(citations).filter(isJsonObject)
    const firstText = blocks.findIndex((block) => isJsonObject(block) && typeof block['text'] === 'string')
    blocks.forEach((block, index) => {
      this.#readBlock(block, index)
      for (const citation of cited) {
        const at = citation['content_index']
        if ((typeof at === 'number' && isTextAt(blocks, at) ? at : firstText) === index) this.#cite(citation)
      }
    })
    if (firstText < 0) for (const citation of cited) this.#cite(citation)
  }

  #readBlock(block: unknown, index: number): void {
    this.#begin()
    if (!isJsonObject(block)) return
    const { text, thinking } = block
    if (typeof thinking === 'string') this.parts.reasoning(thinking, index)
    if (typeof text === 'string') this.parts.text(text, index)
    if (text === undefined && thinking === undefined && Object.keys(block).length > 1) {
      this.parts.opaque(DIALECT, block)
    }
  }

  #openCall(call: unknown, index: number): void {
    this.#begin()
    // A stream has one call an event, as an object or a list of one.
    const entry = objectOf(call) ?? objectOf(arrayOf(call)[0])
    const { name } = objectOf(entry?.['function']) ?? {}
    const id = stringOf(entry?.['id']) || syntheticCallId(this.#answerKey, 0, this.parts.callCount)
    const countBefore = this.parts.callCount
    this.parts.openCall({ key: index, id, name: stringOf(name) ?? '' })
    if (this.parts.callCount > countBefore) this.parts.growCall(index, argumentsOf(call))
  }

  #cite(citation: unknown): void {
    const entries = Array.isArray(citation) ? citation : [citation]
    for (const raw of entries.filter(isJsonObject)) {
      if (citesText(raw)) this.parts.cite(readCitation(raw))
      else this.parts.opaque(DIALECT, { type: 'citation', citation: raw })
    }
  }

  #end(facts: JsonObject): void {
    this.#begin()
    const error = finishError(facts)
    if (error !== undefined) {
      this.#isFailed = true
      return this.parts.fail(error)
    }
    this.#isFinished = true
    this.parts.finish(readFinish(facts['finish_reason'], this.parts.callCount > 0))
    this.parts.usage(readUsage(facts['usage']))
  }

  /** A stream whose first event was lost starts with what it has. */
  #begin(): void {
    this.#start(undefined)
  }
}

function isTextAt(blocks: readonly unknown[], index: number): boolean {
  return typeof objectOf(blocks[index])?.['text'] === 'string'
}

/** Arguments are JSON text. */
function argumentsOf(call: unknown): string {
  const entry = objectOf(call) ?? objectOf(arrayOf(call)[0])
  const said = objectOf(entry?.['function'])?.['arguments']
  if (typeof said === 'string') return said
  return said === undefined || said === null ? '' : JSON.stringify(said)
}
