/**
 * Reads the corpus: recorded exchanges between real clients and real providers, one JSON object a line. Whatever a line
 * holds, it ends as a recording or as a fault named by file and line; nothing is passed over.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { arrayOf, isJsonObject, type JsonObject, objectOf, parseJson, stringOf } from '../src/std/json.ts'

export interface Recording {
  readonly id: string
  /** The corpus file without its endings: what the corpus calls the dialect. */
  readonly file: string
  readonly provider: string
  /** The model as it was asked for or answered. */
  readonly model: string
  /** A streamed answer was asked for, or came. */
  readonly stream: boolean
  readonly fidelity: string
  /** Near-duplicates share one. */
  readonly group: string
  readonly tags: ReadonlySet<string>
  readonly request?: RecordedRequest
  readonly response: RecordedResponse
}

export interface RecordedRequest {
  readonly url: string
  /** A JSON body; absent where the request had none, or a form. */
  readonly body?: JsonObject
}

export interface RecordedResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The bytes as the client saw them, the keep-alive white space before a JSON body included. */
  readonly bytes: Buffer
  /** How the corpus holds them: `json` was parsed and printed again, the others are as they came. */
  readonly form: 'json' | 'text' | 'binary' | 'none'
  /** The cuts of the network, where they were recorded. */
  readonly chunkLengths?: readonly number[]
}

/** A line that holds no exchange. */
export interface CorpusFault {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly reason: string
}

export interface CorpusFile {
  readonly recordings: readonly Recording[]
  readonly faults: readonly CorpusFault[]
}

const ending = '.jsonl.gz'

/** `CORPUS_DIR`, or the folder beside the repository. */
export function corpusFolder(): string {
  const root = fileURLToPath(new URL('../', import.meta.url))
  const named = process.env['CORPUS_DIR']
  if (named === undefined || named === '') return join(root, '..', 'shared', 'corpus')
  return isAbsolute(named) ? named : join(root, named)
}

/** The names of the files in the corpus, without their endings; empty where there is no corpus. */
export function corpusFiles(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length))
    .sort()
}

export function readCorpusFile(folder: string, file: string): CorpusFile {
  const recordings: Recording[] = []
  const faults: CorpusFault[] = []
  let text: string
  try {
    text = gunzipSync(readFileSync(join(folder, file + ending))).toString('utf8')
  } catch (error) {
    return { recordings, faults: [{ file, line: 0, reason: `cannot be unpacked: ${String(error)}` }] }
  }
  text.split('\n').forEach((line, index) => {
    if (line.trim() === '') return
    const recording = readLine(line, file)
    if (typeof recording === 'string') faults.push({ file, line: index + 1, reason: recording })
    else recordings.push(recording)
  })
  return { recordings, faults }
}

/** The recording a line holds, or why it holds none. */
export function readLine(line: string, file: string): Recording | string {
  const exchange = parseJson(line)
  if (!isJsonObject(exchange)) return 'is not a JSON object'
  const id = stringOf(exchange['id'])
  if (id === undefined) return 'has no id'
  const response = readResponse(exchange['response'])
  if (typeof response === 'string') return response
  const request = readRecordedRequest(exchange['request'])
  return {
    id,
    file,
    provider: stringOf(exchange['provider']) ?? '',
    model: stringOf(exchange['model']) ?? '',
    stream: exchange['stream'] === true,
    fidelity: stringOf(exchange['fidelity']) ?? '',
    group: stringOf(exchange['group']) ?? id,
    tags: new Set(arrayOf(exchange['tags']).filter((tag) => typeof tag === 'string')),
    ...(request === undefined ? {} : { request }),
    response,
  }
}

function readRecordedRequest(value: unknown): RecordedRequest | undefined {
  if (!isJsonObject(value)) return undefined
  const body = unwrapped(objectOf(value['body']))
  return { url: stringOf(value['url']) ?? '', ...(body === undefined ? {} : { body }) }
}

/** One recorder kept its own description of the body around it. */
function unwrapped(body: JsonObject | undefined): JsonObject | undefined {
  return body?.['type'] === 'json' ? (objectOf(body['content']) ?? body) : body
}

function readResponse(value: unknown): RecordedResponse | string {
  if (!isJsonObject(value)) return 'has no response'
  const { status } = value
  if (typeof status !== 'number') return 'has no status'
  const lengths = arrayOf(value['chunk_lens']).filter((length) => typeof length === 'number')
  return {
    status,
    headers: readHeaders(value['headers']),
    ...readBytes(value),
    ...(lengths.length === 0 ? {} : { chunkLengths: lengths }),
  }
}

function readHeaders(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(objectOf(value) ?? {})
  return Object.fromEntries(
    entries.map(([name, text]) => [name.toLowerCase(), String(Array.isArray(text) ? text[0] : text)]),
  )
}

function readBytes(value: JsonObject): Pick<RecordedResponse, 'bytes' | 'form'> {
  const { text, base64, body } = value
  if (typeof text === 'string') return { bytes: Buffer.from(text), form: 'text' }
  if (typeof base64 === 'string') return { bytes: Buffer.from(base64, 'base64'), form: 'binary' }
  if (body === undefined) return { bytes: Buffer.alloc(0), form: 'none' }
  const padding = Number(value['leading_ws'] ?? 0)
  return { bytes: Buffer.from(' '.repeat(padding) + JSON.stringify(body)), form: 'json' }
}
