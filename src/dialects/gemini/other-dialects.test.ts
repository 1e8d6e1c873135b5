/**
 * The recorded traffic of other dialects, said in this one: requests in fields that Google's own description of its
 * messages knows, answers so that nothing of them is lost.
 */

import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import type { FinishReason } from '../../canonical/finish.ts'
import type { InferenceResult } from '../../canonical/result.ts'
import { arrayOf, isJsonObject, type JsonObject, objectOf, parseJson, stringOf } from '../../std/json.ts'
import { anthropicMessages } from '../anthropic-messages/index.ts'
import type { Dialect } from '../dialect.ts'
import { foldEvents, gist, readStream } from '../dialect.contract.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { openaiResponses } from '../openai-responses/index.ts'
import { gemini } from './index.ts'
import { bytesOf, type Recording, recordingsOf, responsesIn } from './recordings.test-support.ts'

const description = new URL('../../../../shared/specs/gemini/gemini.messages.json', import.meta.url)
const others: readonly Dialect[] = [openaiChat, anthropicMessages, openaiResponses]
const models = ['gemini-2.5-flash', 'gemini-3-pro-preview']
const isPresent = existsSync(description) && recordingsOf('openai-chat').length > 0
const options = { responseId: 'own', modelId: 'own', createdAtS: 1, wantsUsage: true }

type Messages = ReadonlyMap<string, JsonObject>

/** The fields of messages by their names, those of a message within a message after its own. */
function messagesIn(scope: JsonObject, prefix = ''): readonly (readonly [string, JsonObject])[] {
  return Object.entries(objectOf(scope['nested']) ?? {}).flatMap(([name, value]) => {
    if (!isJsonObject(value)) return []
    const fields = objectOf(value['fields'])
    if (fields === undefined) return messagesIn(value)
    const path = `${prefix}${name}`
    return [[path, fields] as const, ...messagesIn(value, `${path}.`)]
  })
}

function readDescription(): Messages {
  const files: JsonObject = JSON.parse(readFileSync(description, 'utf8'))
  return new Map(Object.values(files).flatMap((file) => messagesIn(objectOf(file) ?? {})))
}

const messages: Messages = isPresent ? readDescription() : new Map()

/** Google's models of the third generation take it, as its documentation and the recordings show. */
const undescribed = '.generationConfig.thinkingConfig.thinkingLevel'

/** Paths of the fields that a message of this name does not have. Free-form values have no description. */
function unknownIn(value: unknown, name: string, path = ''): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((each: unknown) => unknownIn(each, name, path))
  const fields = messages.get(name)
  if (!isJsonObject(value) || fields === undefined) return []
  return Object.entries(value).flatMap(([field, member]) => {
    const known = objectOf(fields[field])
    if (member === undefined) return []
    if (known === undefined) return `${path}.${field}` === undescribed ? [] : [`${path}.${field}`]
    if (known['keyType'] !== undefined) return []
    const type = stringOf(known['type'])?.split('.').at(-1) ?? ''
    return unknownIn(member, scopedName(type, name), `${path}.${field}`)
  })
}

/** A name is looked for in the message it stands in, then outwards. */
function scopedName(type: string, scope: string): string {
  if (scope === '' || messages.has(`${scope}.${type}`)) return scope === '' ? type : `${scope}.${type}`
  return scopedName(type, scope.split('.').slice(0, -1).join('.'))
}

/** Everything an answered recording holds, by its own dialect; `undefined` where it is no whole answer. */
function answerOf(dialect: Dialect, { response }: Recording): readonly InferenceEvent[] | undefined {
  if (response.status >= 400 || response.text === undefined) return undefined
  const events = readStream(dialect, [bytesOf(response.text)])
  const isWhole = events.some(({ type }) => type === 'finish') && !events.some(({ type }) => type === 'error')
  return isWhole ? events : undefined
}

/** The reason that this dialect's words for it amount to. */
function finishHere(reason: FinishReason | undefined, callsTools: boolean): FinishReason | undefined {
  switch (reason) {
    case 'stop':
    case 'tool-calls':
    case 'pause':
      return callsTools ? 'tool-calls' : 'stop'
    case 'context-window':
      return 'length'
    case 'refusal':
      return 'content-filter'
    case 'error':
      return 'other'
    default:
      return reason
  }
}

/** What this dialect has a word for; arguments are compared as JSON, for they are printed again. */
function kept(result: InferenceResult) {
  const { inputTokens, outputTokens, reasoningTokens, cacheReadTokens } = result.usage ?? {}
  return {
    said: gist(result).map(({ index, finish, text, refusal, reasoning, calls }) => ({
      index,
      finish: finishHere(finish, calls.length > 0),
      text: text + refusal,
      reasoning,
      calls: calls.map(({ name, arguments: args }) => ({ name, args: JSON.parse(args) })),
    })),
    usage: { inputTokens, outputTokens, reasoningTokens, cacheReadTokens },
  }
}

/** Calls of free text, and of tools that ran at the provider, have no place here. */
function isSayable(result: InferenceResult): boolean {
  return result.candidates.every(({ parts }) =>
    parts.every((part) => {
      if (part.type !== 'tool-call') return part.type !== 'opaque'
      return part.kind === undefined && isJsonObject(parseJson(part.arguments || '{}'))
    }),
  )
}

describe.skipIf(!isPresent)(
  "other dialects' recordings (skipped where corpus or description are absent)",
  { timeout: 120_000 },
  () => {
    test('the description knows what it should', () => {
      expect(messages.has('GenerateContentRequest')).toBe(true)
      expect(unknownIn({ contents: [{ parts: [{ txt: 'a' }] }], n: 1 }, 'GenerateContentRequest')).toEqual([
        '.contents.parts.txt',
        '.n',
      ])
    })

    test.each(others)('requests of $id are written in fields that Google knows', (dialect) => {
      let count = 0
      for (const { id, request, response } of recordingsOf(dialect.id)) {
        if (!isJsonObject(request?.body) || response.status >= 400) continue
        if (dialect !== openaiResponses && arrayOf(request.body['messages']).length === 0) continue
        const read = dialect.readRequest(bytesOf({ ...request.body, model: 'm' }))
        for (const modelId of models) {
          const { fields } = gemini.writeRequest(read, { modelId, stream: read.stream })
          expect([id, unknownIn(fields, 'GenerateContentRequest')]).toEqual([id, []])
          for (const content of arrayOf(fields['contents']))
            expect([id, arrayOf(objectOf(content)?.['parts']).length]).not.toEqual([id, 0])
        }
        count += 1
      }
      expect(count).toBeGreaterThan(400)
    })

    test.each(others)('streams of $id said here are described, and keep what they say', (dialect) => {
      let count = 0
      for (const recording of recordingsOf(dialect.id)) {
        const events = answerOf(dialect, recording)
        if (events === undefined) continue
        const { id } = recording
        const writer = gemini.createStreamWriter({ ...options, origin: 'maker' })
        const text = events.map((event) => writer.write(event)).join('') + writer.end()
        for (const response of responsesIn(text))
          expect([id, unknownIn(response, 'GenerateContentResponse')]).toEqual([id, []])
        const result = foldEvents(events)
        if (!isSayable(result)) continue
        const again = foldEvents(readStream(gemini, [bytesOf(text)]))
        expect({ id, ...kept(again) }).toEqual({ id, ...kept(result) })
        const plain = gemini.readResult(bytesOf(gemini.writeResult(result, options).body))
        expect({ id, ...kept(plain) }).toEqual({ id, ...kept(result) })
        count += 1
      }
      expect(count).toBeGreaterThan(100)
    })
  },
)
