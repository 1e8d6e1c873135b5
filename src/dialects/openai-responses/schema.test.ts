/** What we write, held against OpenAI's own description of it, where that lies beside the repository. */

import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject } from '../../std/json.ts'
import { foldEvents, readStream } from '../dialect.contract.ts'
import { openaiResponses } from './index.ts'

const file = new URL('../../../../shared/specs/openai.openapi.json.gz', import.meta.url)
const corpus = new URL('../../../../shared/corpus/openai-responses.jsonl.gz', import.meta.url)
const isPresent = existsSync(file) && existsSync(corpus)

const at = (part: number) => ({ candidate: 0, part })
const logprob = { token: 'Hel', logprob: -0.1, bytes: [72], top_logprobs: [] }

/** Everything that an answer of another dialect may hold. */
const answer: readonly InferenceEvent[] = [
  { type: 'answer-start', responseId: 'msg_1', modelId: 'claude-x' },
  { type: 'reasoning-start', ...at(0) },
  { type: 'reasoning-delta', text: 'thinking…', ...at(0) },
  { type: 'reasoning-end', signature: 'sig', ...at(0) },
  { type: 'text-start', ...at(1) },
  { type: 'logprobs-delta', candidate: 0, content: [logprob] },
  { type: 'text-delta', text: 'Hel', ...at(1) },
  { type: 'text-end', citations: [{ url: 'https://a.example/', raw: {} }], signature: 's', ...at(1) },
  { type: 'refusal-start', ...at(2) },
  { type: 'refusal-delta', text: 'No.', ...at(2) },
  { type: 'refusal-end', ...at(2) },
  { type: 'tool-call-start', id: 'call_1', name: 'add', ...at(3) },
  { type: 'tool-call-end', signature: 's', ...at(3) },
  { type: 'tool-call-start', id: 'call_2', name: 'free', kind: 'custom', ...at(4) },
  { type: 'tool-call-delta', argumentsDelta: 'x', ...at(4) },
  { type: 'tool-call-end', ...at(4) },
  { type: 'finish', candidate: 0, finish: { reason: 'length' } },
  { type: 'usage-update', usage: { inputTokens: 3, outputTokens: 7 } },
]

const request = {
  model: 'm',
  instructions: 'Be brief.',
  input: 'hi',
  tools: [{ type: 'function', name: 'add' }],
  tool_choice: { type: 'function', name: 'add' },
  metadata: { a: 'b' },
  text: { format: { type: 'json_object' }, verbosity: 'low' },
  reasoning: { effort: 'low' },
  max_output_tokens: 100,
  temperature: 0.5,
  truncation: 'auto',
  previous_response_id: 'resp_0',
}
const options = {
  responseId: 'resp_own',
  modelId: 'own-model',
  createdAtS: 5,
  wantsUsage: true,
  origin: 'maker',
  echo: openaiResponses.readEcho?.(Buffer.from(JSON.stringify(request))) ?? {},
}

/** The description's own words that a JSON Schema has another meaning for, or none. */
function asJsonSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asJsonSchema)
  if (!isJsonObject(value)) return value
  const kept = Object.entries(value).filter(
    ([name]) => name !== 'discriminator' && name !== 'format' && name !== 'example' && name !== 'nullable',
  )
  return Object.fromEntries(kept.map(([name, member]) => [name, asJsonSchema(member)]))
}

function validators(): (name: string) => ValidateFunction {
  const description: JsonObject = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8'))
  const ajv = new Ajv2020({ strict: false, allErrors: false, validateFormats: false })
  ajv.addSchema({ $id: 'openai', components: asJsonSchema(description['components']) })
  return (name) => ajv.compile({ $ref: `openai#/components/schemas/${name}` })
}

function eventsOf(text: string): readonly JsonObject[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice(6)))
}

/** `response.output_text.delta` is described as ResponseTextDeltaEvent, and so on: by its type within. */
function schemaNames(): ReadonlyMap<string, string> {
  const description = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8'))
  const schemas: Record<string, JsonObject> = description.components.schemas
  const names = Object.entries(schemas).flatMap(([name, schema]): [string, string][] => {
    const { properties } = schema
    const type = isJsonObject(properties) ? properties['type'] : undefined
    const values = isJsonObject(type) && Array.isArray(type['enum']) ? type['enum'] : []
    return !name.startsWith('Beta') && name.endsWith('Event')
      ? values.map((value: unknown) => [String(value), name])
      : []
  })
  return new Map(names)
}

describe.skipIf(!isPresent)('what we write, by the official description (skipped where it is absent)', () => {
  const validatorOf = isPresent ? validators() : undefined
  const names = isPresent ? schemaNames() : new Map<string, string>()
  const known = new Map<string, ValidateFunction>()

  function faultsOf(name: string, value: unknown): unknown {
    const validate = known.get(name) ?? validatorOf?.(name)
    if (validate === undefined) return 'no schema'
    known.set(name, validate)
    return validate(value) ? null : validate.errors?.slice(0, 3)
  }

  function expectEvents(text: string): void {
    const events = eventsOf(text)
    for (const [index, event] of events.entries()) {
      const name = names.get(typeof event['type'] === 'string' ? event['type'] : '') ?? 'none'
      expect([event['type'], faultsOf(name, event)]).toEqual([event['type'], null])
      expect(event['sequence_number']).toBe(index)
    }
  }

  test('a whole stream, with all kinds of content', () => {
    const writer = openaiResponses.createStreamWriter(options)
    const text = answer.map((event) => writer.write(event)).join('') + writer.end()
    expectEvents(text)
    const last = eventsOf(text).at(-1)
    expect(last).toMatchObject({
      type: 'response.incomplete',
      response: {
        instructions: 'Be brief.',
        temperature: 0.5,
        metadata: { a: 'b' },
        previous_response_id: 'resp_0',
      },
    })
  })

  test('a plain answer', () => {
    const { body } = openaiResponses.writeResult(foldEvents(answer), options)
    expect(faultsOf('Response', JSON.parse(body))).toBeNull()
  })

  test('a stream that failed', () => {
    const writer = openaiResponses.createStreamWriter(options)
    const begun = answer
      .slice(0, 5)
      .map((event) => writer.write(event))
      .join('')
    const context = { requestId: 'req', attempts: [] }
    const error = new GatewayError('upstream_error', 'Broken.')
    const text = begun + (writer.writeError?.(error, context) ?? '')
    expectEvents(text)
    expect(eventsOf(text).at(-1)?.['type']).toBe('response.failed')
  })

  test('every recorded stream, said again', { timeout: 120_000 }, () => {
    const lines = gunzipSync(readFileSync(corpus)).toString('utf8').trim().split('\n')
    let count = 0
    for (const line of lines) {
      const { response } = JSON.parse(line)
      if (typeof response.text !== 'string' || response.status >= 400) continue
      const events = readStream(openaiResponses, [Buffer.from(response.text)])
      // Items that only this dialect knows are as their maker wrote them.
      const own = events.filter(({ type }) => type !== 'opaque' && type !== 'error')
      const writer = openaiResponses.createStreamWriter(options)
      expectEvents(own.map((event) => writer.write(event)).join('') + writer.end())
      count += 1
    }
    expect(count).toBeGreaterThan(200)
  })
})
