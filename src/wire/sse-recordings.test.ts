/** What real providers sent, read whole and in the smallest pieces. The recordings are not part of the repository. */

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { isJsonObject, parseJson, stringOf } from '../std/json.ts'
import { type SseEvent, SseParser } from './sse.ts'

const corpus = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url))

/** Longer recordings show the parser nothing that these do not. */
const RECORDING_LENGTH_MAX = 10_000

describe.skipIf(!existsSync(corpus))('recorded streams (skipped where the corpus is absent)', () => {
  test.each(['openai-chat', 'anthropic-messages', 'gemini', 'openai-responses'])(
    'fault 65: %s: every event is the same whole, bytewise and in sevens',
    (dialect) => {
      let events = 0
      for (const text of recordedStreams(`${corpus}${dialect}.jsonl.gz`)) {
        const bytes = Buffer.from(text)
        const whole = readIn(bytes, bytes.length)
        events += whole.length
        for (const size of [1, 7]) expect(digest(readIn(bytes, size))).toBe(digest(whole))
      }
      expect(events).toBeGreaterThan(300)
    },
    60_000,
  )
})

function recordedStreams(file: string): readonly string[] {
  const lines = gunzipSync(readFileSync(file)).toString().split('\n')
  return lines.flatMap((line) => {
    const exchange = parseJson(line)
    const response = isJsonObject(exchange) ? exchange['response'] : undefined
    const text = isJsonObject(response) ? stringOf(response['text']) : undefined
    const isStream =
      text !== undefined && text.length < RECORDING_LENGTH_MAX && /^(?:data|event):/m.test(text)
    return isStream ? [text] : []
  })
}

function readIn(bytes: Buffer, size: number): readonly SseEvent[] {
  const parser = new SseParser()
  const events: SseEvent[] = []
  for (let index = 0; index < bytes.length; index += size)
    events.push(...parser.read(bytes.subarray(index, index + size)))
  return [...events, ...parser.end()]
}

function digest(events: readonly SseEvent[]): string {
  return JSON.stringify(events.map(({ name, data, raw }) => [name, data, Buffer.from(raw).toString()]))
}
