/**
 * Answers against the official API descriptions: OpenAI's OpenAPI, Anthropic's, and Google's own message definitions.
 * Fields a description does not know are let be, since providers send many; a field it knows must have its type, and what
 * it requires must be there.
 */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { DialectId } from '../../src/canonical/envelope.ts'
import { corpusFolder } from '../corpus.ts'
import { fieldsOf, listOf, parsed, textOf } from '../oracle/json.ts'
import { serverEvents } from '../oracle/server-events.ts'
import { geminiDefinitions } from './gemini-definitions.ts'

/** The folder of the descriptions: beside the corpus. */
export function specsFolder(): string {
  return join(corpusFolder(), '..', 'specs')
}

export function schemaFaultsOfPlain(dialect: DialectId, body: string): readonly string[] {
  const answer = parsed(body)
  switch (dialect) {
    case 'openai-chat':
      return openai().faults('CreateChatCompletionResponse', answer)
    case 'openai-responses':
      return openai().faults('Response', answer)
    case 'openai-completions':
      return openai().faults('CreateCompletionResponse', answer)
    case 'anthropic-messages':
      return anthropic().faults('Message', answer)
    case 'gemini':
      return gemini().faults('GenerateContentResponse', answer)
  }
}

export function schemaFaultsOfStream(dialect: DialectId, text: string): readonly string[] {
  const faults = new Set<string>()
  for (const { data } of serverEvents(text)) {
    if (data === '[DONE]') continue
    for (const fault of eventFaults(dialect, parsed(data))) faults.add(fault)
  }
  return [...faults]
}

function eventFaults(dialect: DialectId, event: unknown): readonly string[] {
  switch (dialect) {
    case 'openai-chat':
      return openai()
        .faults('CreateChatCompletionStreamResponse', event)
        .filter((fault) => !customCall.test(fault))
    case 'openai-responses':
      return openai().faultsOfType(textOf(fieldsOf(event)['type']), event)
    case 'openai-completions':
      // The one description serves plain answers; in a stream `finish_reason` is null until the end.
      return []
    case 'anthropic-messages':
      return anthropic().faultsOfType(textOf(fieldsOf(event)['type']), event)
    case 'gemini':
      return gemini().faults('GenerateContentResponse', event)
  }
}

/** The description of chunks knows functions only, though the API streams custom tools and the SDK reads them. */
const customCall = /tool_calls\/\d+\/type must be equal/

class Description {
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: false })
  readonly #names: ReadonlyMap<string, string>
  readonly #compiled = new Map<string, ValidateFunction | undefined>()
  readonly #definitions: Readonly<Record<string, unknown>>

  constructor(definitions: Readonly<Record<string, unknown>>, eventUnion: string) {
    this.#definitions = definitions
    this.#ajv.addSchema({ $id: 'api:', components: { schemas: definitions } })
    this.#names = eventNames(definitions, eventUnion)
  }

  faults(name: string, value: unknown): readonly string[] {
    const validate = this.#validator(name)
    if (validate === undefined || validate(value)) return []
    return (validate.errors ?? [])
      .slice(0, 3)
      .map(
        ({ instancePath, message = '', params }) =>
          `${name}${instancePath} ${message} ${JSON.stringify(params).slice(0, 80)}`,
      )
  }

  /** An event of a union by its type. Types the description lacks (`ping`, newer ones) are let be. */
  faultsOfType(type: string, value: unknown): readonly string[] {
    const name = this.#names.get(type)
    return name === undefined ? [] : this.faults(name, value)
  }

  #validator(name: string): ValidateFunction | undefined {
    if (!this.#compiled.has(name)) {
      const isKnown = name in this.#definitions
      this.#compiled.set(
        name,
        isKnown ? this.#ajv.compile({ $ref: `api:#/components/schemas/${name}` }) : undefined,
      )
    }
    return this.#compiled.get(name)
  }
}

/** The members of the union of stream events, by the constant in their `type`. */
function eventNames(
  definitions: Readonly<Record<string, unknown>>,
  union: string,
): ReadonlyMap<string, string> {
  const { anyOf, oneOf } = fieldsOf(definitions[union])
  const names = [...listOf(anyOf), ...listOf(oneOf)].map((member) =>
    textOf(fieldsOf(member)['$ref']).replace(/.*\//, ''),
  )
  return new Map(
    names.map((name) => {
      const type = fieldsOf(fieldsOf(fieldsOf(definitions[name])['properties'])['type'])
      return [textOf(type['const'] ?? listOf(type['enum'])[0]), name] as const
    }),
  )
}

let openaiDescription: Description | undefined
let anthropicDescription: Description | undefined
let geminiDescription: Description | undefined

function openai(): Description {
  openaiDescription ??= new Description(openApi('openai.openapi.json.gz', tolerant), 'ResponseStreamEvent')
  return openaiDescription
}

function anthropic(): Description {
  anthropicDescription ??= new Description(
    openApi('anthropic.openapi.json.gz', tolerantOfAge),
    'MessageStreamEvent',
  )
  return anthropicDescription
}

function gemini(): Description {
  geminiDescription ??= new Description(readGemini(), '')
  return geminiDescription
}

type Rewrite = (key: string, value: unknown) => unknown

function openApi(file: string, rewrite: Rewrite): Readonly<Record<string, unknown>> {
  const path = join(specsFolder(), file)
  if (!existsSync(path)) return {}
  const text = gunzipSync(readFileSync(path)).toString('utf8')
  const { components } = fieldsOf(
    JSON.parse(text, function revive(this: unknown, key, value: unknown) {
      return rewrite(key, value)
    }),
  )
  return fieldsOf(fieldsOf(components)['schemas'])
}

/**
 * The keywords that would refuse what the description does not know: `additionalProperties: false`, and `oneOf`, which a
 * value with unknown fields may meet twice.
 */
function tolerant(key: string, value: unknown): unknown {
  if (key === 'additionalProperties' && value === false) return undefined
  if (key === 'discriminator') return undefined
  const { oneOf, nullable, ...rest } = fieldsOf(value)
  if (Array.isArray(value) || Object.keys(fieldsOf(value)).length === 0) return value
  const plain = Array.isArray(oneOf)
    ? { ...rest, anyOf: oneOf }
    : { ...rest, ...(oneOf === undefined ? {} : { oneOf }) }
  return nullable === true ? { anyOf: [plain, { type: 'null' }] } : plain
}

/**
 * Anthropic's newest description requires fields that answers of version 2023-06-01 need not have, all of them nullable;
 * its own older answers in the corpus lack them, and `caller` too. Of those the type alone is judged.
 */
function tolerantOfAge(key: string, value: unknown): unknown {
  const schema = tolerant(key, value)
  const { required, properties } = fieldsOf(schema)
  if (!Array.isArray(required)) return schema
  const known = fieldsOf(properties)
  const due = required.filter((name: unknown) => name !== 'caller' && !isNullable(known[String(name)]))
  return { ...fieldsOf(schema), required: due }
}

function isNullable(schema: unknown): boolean {
  return listOf(fieldsOf(schema)['anyOf']).some((member) => fieldsOf(member)['type'] === 'null')
}

function readGemini(): Readonly<Record<string, unknown>> {
  const path = join(specsFolder(), 'gemini', 'gemini.messages.json')
  return existsSync(path) ? geminiDefinitions(JSON.parse(readFileSync(path, 'utf8'))) : {}
}
