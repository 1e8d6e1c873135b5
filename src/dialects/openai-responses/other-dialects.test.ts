/**
 * Recorded answers of other dialects, said in this one: read back as the same, and taken by OpenAI's own SDK. And what a
 * client then sends back reads as what the model said, proofs included. Skipped where the recordings are absent.
 */

import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import { arrayOf } from '../../std/json.ts'
import { anthropicMessages } from '../anthropic-messages/index.ts'
import type { Dialect } from '../dialect.ts'
import { foldEvents, gist, readStream } from '../dialect.contract.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { openaiResponses } from './index.ts'

interface Recording {
  readonly id: string
  readonly response: { readonly status: number; readonly text?: string }
}

const corpus = new URL('../../../../shared/corpus/', import.meta.url)

/** The lines of a file are in the corpus's own format, described in its README. */
function streamsOf(name: string): readonly Recording[] {
  const file = new URL(`${name}.jsonl.gz`, corpus)
  if (!existsSync(file)) return []
  const lines = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n')
  return lines
    .map((line) => JSON.parse(line) as Recording)
    .filter(({ response }) => response.status < 400 && response.text !== undefined)
}

const options = { responseId: 'resp_own', modelId: 'm', createdAtS: 5, wantsUsage: true, origin: 'maker' }

function say(events: readonly InferenceEvent[]): string {
  const writer = openaiResponses.createStreamWriter(options)
  return events.map((event) => writer.write(event)).join('') + writer.end()
}

/** The first answer, with ids that a conversation may hold once made unlike each other as we make them. */
function gistOf(events: readonly InferenceEvent[]) {
  const [first] = gist(foldEvents(events))
  return { ...first, finish: undefined, calls: first?.calls.map(({ id: _id, ...call }) => call) }
}

const isWhole = (events: readonly InferenceEvent[]) =>
  events.some(({ type }) => type === 'finish') && !events.some(({ type }) => type === 'error')

async function assemble(body: string) {
  const fetch = () =>
    Promise.resolve(new Response(body, { headers: { 'content-type': 'text/event-stream' } }))
  const sdk = new OpenAI({ apiKey: 'key', baseURL: 'http://gateway.invalid/v1', fetch, maxRetries: 0 })
  return sdk.responses.stream({ model: 'm', input: 'hi' }).finalResponse()
}

const sources: readonly (readonly [string, Dialect])[] = [
  ['openai-chat', openaiChat],
  ['anthropic-messages', anthropicMessages],
  ['openai-responses', openaiResponses],
]

describe.skipIf(!existsSync(corpus))('recorded answers (skipped where the corpus is absent)', () => {
  test.each(sources)('of %s are said in this dialect', { timeout: 120_000 }, async (name, dialect) => {
    let count = 0
    for (const { id, response } of streamsOf(name)) {
      const events = readStream(dialect, [Buffer.from(response.text ?? '')])
      if (!isWhole(events)) continue
      count += 1
      const text = say(events)
      const again = readStream(openaiResponses, [Buffer.from(text)])
      expect({ id, ...gistOf(again) }).toEqual({ id, ...gistOf(events) })
      const assembled = await assemble(text)
      const answer = gistOf(events)
      expect([id, assembled.output_text]).toEqual([id, answer.text])
    }
    expect(count).toBeGreaterThan(100)
  })

  test('of Anthropic come back from a client with every proof where it was', { timeout: 120_000 }, () => {
    let proofs = 0
    for (const { id, response } of streamsOf('anthropic-messages')) {
      const events = readStream(anthropicMessages, [Buffer.from(response.text ?? '')])
      if (!isWhole(events)) continue
      const [said] = foldEvents(events).candidates
      const last = outputOf(say(events))
      const body = JSON.stringify({ model: 'm', input: [{ role: 'user', content: 'hi' }, ...last] })
      const turn = openaiResponses.readRequest(Buffer.from(body)).messages[1]
      const proofsOf = (parts: readonly object[]) =>
        parts.flatMap((part) => {
          // Those parts that have no such members have none that are read here.
          const { signature, encrypted } = part as { signature?: string; encrypted?: string }
          return signature || encrypted ? [{ signature: signature || undefined, encrypted }] : []
        })
      const wanted = proofsOf(said?.parts ?? [])
      proofs += wanted.length
      expect([id, proofsOf(turn?.parts ?? [])]).toEqual([id, wanted])
    }
    expect(proofs).toBeGreaterThan(10)
  })
})

/** The output of the response in the last event. */
function outputOf(stream: string): readonly unknown[] {
  const last = stream.trimEnd().split('\n').at(-1) ?? ''
  return arrayOf(JSON.parse(last.slice('data: '.length)).response.output)
}
