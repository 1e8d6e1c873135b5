/**
 * Takes in an answer of Ollama, whole or line by line, and says it as the events every dialect shares. A line of a
 * stream has the shape of a whole answer: the last one has `done` and the counts.
 */

import type { Finish, FinishReason } from '../../canonical/finish.ts'
import { tokenCount, type Usage } from '../../canonical/usage.ts'
import { arrayOf, isJsonObject, type JsonObject, type JsonValue, objectOf, stringOf } from '../../std/json.ts'
import { AnswerParts } from '../answer-parts.ts'
import { withoutAbsent } from '../openai-chat/fields.ts'
import { syntheticCallId } from '../openai-chat/tool-slots.ts'
import { DIALECT } from './dialect-id.ts'

export class AnswerReader {
  readonly parts = new AnswerParts()
  #answerKey = ''
  #isFinished = false

  /** The line that says `done` was read. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  read(line: JsonObject): void {
    this.#start(line)
    const message = objectOf(line['message']) ?? {}
    const { content, thinking, tool_calls: calls, images } = message
    if (typeof thinking === 'string') this.parts.reasoning(thinking)
    if (typeof content === 'string') this.parts.text(content)
    for (const call of arrayOf(calls)) this.#readCall(call)
    if (Array.isArray(images) && images.length > 0) this.parts.opaque(DIALECT, { type: 'images', images })
    // Members of parsed JSON are JSON; Array.isArray forgets it.
    this.parts.logprobs(arrayOf(line['logprobs']) as readonly JsonValue[])
    if (line['done'] === true) this.#end(line)
  }

  #start(line: JsonObject): void {
    if (this.parts.isStarted) return
    const { model, created_at: createdAt } = line
    this.#answerKey = `${stringOf(model) ?? ''}|${stringOf(createdAt) ?? ''}`
    const createdAtS = Math.floor(Date.parse(stringOf(createdAt) ?? '') / 1_000)
    this.parts.start({
      ...(typeof model === 'string' && model !== '' ? { modelId: model } : {}),
      ...(createdAtS > 0 ? { createdAtS } : {}),
    })
  }

  /** A call comes whole, its arguments as an object; older versions give it no id. */
  #readCall(call: unknown): void {
    const entry = objectOf(call)
    const { name, arguments: said } = objectOf(entry?.['function']) ?? {}
    const key = this.parts.callCount
    const id = stringOf(entry?.['id']) || syntheticCallId(this.#answerKey, 0, key)
    this.parts.openCall({ key, id, name: stringOf(name) ?? '' })
    if (this.parts.callCount === key) return
    this.parts.growCall(key, typeof said === 'string' ? said : JSON.stringify(said ?? {}))
    this.parts.closeCall(key)
  }

  #end(line: JsonObject): void {
    this.#isFinished = true
    this.parts.finish(readFinish(line['done_reason'], this.parts.callCount > 0))
    this.parts.usage(readUsage(line))
  }
}

const reasonsByWord: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
])

/** Ollama says `stop` after tool calls too, and said nothing at all in its first versions. */
function readFinish(word: unknown, callsTools: boolean): Finish {
  const raw = typeof word === 'string' && word !== '' ? { raw: word.slice(0, 100) } : {}
  const reason = reasonsByWord.get(typeof word === 'string' ? word : 'stop') ?? 'other'
  return { reason: callsTools && reason !== 'length' ? 'tool-calls' : reason, ...raw }
}

/** The counts, and beside them the times it took, kept as they are. A prompt found in the cache may not be counted. */
function readUsage(line: JsonObject): Usage | undefined {
  const inputTokens = tokenCount(line['prompt_eval_count'])
  const outputTokens = tokenCount(line['eval_count'])
  if (inputTokens === undefined && outputTokens === undefined) return undefined
  const raw = Object.fromEntries(
    Object.entries(line).filter(([name]) => name.endsWith('_count') || name.endsWith('_duration')),
  )
  return withoutAbsent({ inputTokens, outputTokens, raw })
}

/** Whether an object is a line of an answer at all. */
export function isAnswerLine(value: JsonObject): boolean {
  return isJsonObject(value['message']) || typeof value['done'] === 'boolean'
}
