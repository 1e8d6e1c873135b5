/** The recorded requests of real coding agents, made whole again: read from beside the repository, where they are. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { arrayOf, isJsonObject, type JsonObject, type JsonValue } from '../../src/std/json.ts'

export interface RecordedRequest {
  /** The file it comes from and its place therein. */
  readonly name: string
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: JsonObject
}

const clients = new URL('../../../shared/clients/', import.meta.url)

export const hasRecordedAgents: boolean = existsSync(clients)

/** Why tests on them are skipped, for their titles. */
export const whyNoRecordedAgents: string = hasRecordedAgents
  ? ''
  : ' (skipped: no recordings beside the repository)'

/** Everything one agent sent in all of its runs, in order. */
export function readRecordedAgent(client: string): readonly RecordedRequest[] {
  if (!hasRecordedAgents) return []
  const folder = new URL(`${client}/`, clients)
  return readdirSync(folder)
    .sort()
    .flatMap((file) => readRun(new URL(file, folder), `${client}/${file}`))
}

/** The file's own format, described in the README beside it. */
interface Run {
  readonly exchanges: readonly {
    readonly request: {
      readonly method: string
      readonly path: string
      readonly query?: Readonly<Record<string, string>>
      readonly headers: Readonly<Record<string, string>>
      readonly body?: JsonObject | null
    }
  }[]
}

function readRun(file: URL, name: string): readonly RecordedRequest[] {
  // Sound enough for tests: the format is described, and a file that breaks it fails the test that reads it.
  const run = JSON.parse(readFileSync(file, 'utf8')) as Run
  const first = run.exchanges.find(({ request }) => request.body)?.request.body ?? {}
  return run.exchanges.map(({ request }, index) => ({
    name: `${name}#${index + 1}`,
    method: request.method,
    path: request.path + queryOf(request.query),
    headers: sendable(request.headers),
    ...(!request.body ? {} : { body: restoreBody(request.body, first) }),
  }))
}

function queryOf(query: Readonly<Record<string, string>> | undefined): string {
  return query === undefined || Object.keys(query).length === 0
    ? ''
    : `?${new URLSearchParams(query).toString()}`
}

/** Encodings are the client's own affair; everything else is sent as it was. */
function sendable(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'accept-encoding'))
}

const REPEATED = '<same as in the first exchange>'

function restoreBody(body: JsonObject, first: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      padded(value === REPEATED ? (first[name] ?? value) : value),
    ]),
  )
}

const ELIDED = /…\[elided, (\d+) chars in all\]$/

/** Long prose was cut to its beginning: brought back to its length. */
function padded(value: JsonValue | undefined): JsonValue {
  if (typeof value === 'string') {
    const length = ELIDED.exec(value)?.[1]
    return length === undefined ? value : value.replace(ELIDED, '').padEnd(Number(length), ' elided')
  }
  if (Array.isArray(value)) return value.map(padded)
  if (!isJsonObject(value)) return value ?? null
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, padded(inner)]))
}

/** Claude Code's block for its own accounting: Anthropic's affair alone. */
const ATTRIBUTION = 'x-anthropic-billing-header:'

/** The texts of a conversation, whichever dialect it is in, and the names of its tools: what no translation may lose. */
export function essenceOf(body: JsonObject): readonly string[] {
  return [
    ...textsOf(body['system']).filter((text) => !text.startsWith(ATTRIBUTION)),
    ...arrayOf(body['messages']).flatMap((message) =>
      isJsonObject(message) ? textsOf(message['content']) : [],
    ),
    ...arrayOf(body['tools']).flatMap(toolNames),
  ]
}

function textsOf(content: unknown): readonly string[] {
  if (typeof content === 'string') return [content]
  return arrayOf(content).flatMap((block) => {
    if (!isJsonObject(block)) return []
    if (typeof block['text'] === 'string') return [block['text']]
    return block['type'] === 'tool_result' ? textsOf(block['content']) : []
  })
}

function toolNames(tool: unknown): readonly string[] {
  if (!isJsonObject(tool)) return []
  const called = isJsonObject(tool['function']) ? tool['function'] : tool
  const isOwn = tool['type'] === 'function' || isJsonObject(tool['input_schema'])
  return isOwn && typeof called['name'] === 'string' ? [called['name']] : []
}
