/** A provider of everything beside chats, in OpenAI's, Anthropic's and Google's words; what it was asked can be looked at. */

import { createHash } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface AskedOperation {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** The first 64 KiB of the body. */
  readonly body: string
  readonly bodyBytes: number
  readonly sha256: string
}

/** Answers instead of the provider; `false` leaves it to it. */
export type Answering = (asked: AskedOperation, response: ServerResponse) => boolean | void

export interface OperationsUpstream extends AsyncDisposable {
  readonly origin: string
  readonly asked: readonly AskedOperation[]
  readonly last: AskedOperation
}

const KEPT_BYTES = 65_536

export async function startOperationsUpstream(
  answering: Answering = () => false,
): Promise<OperationsUpstream> {
  const asked: AskedOperation[] = []
  const server = createServer((request, response) => {
    const hash = createHash('sha256')
    let kept = Buffer.alloc(0)
    let bodyBytes = 0
    request.on('data', (chunk: Buffer) => {
      hash.update(chunk)
      bodyBytes += chunk.length
      if (kept.length < KEPT_BYTES) kept = Buffer.concat([kept, chunk]).subarray(0, KEPT_BYTES)
    })
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const one = {
        method,
        path: url,
        headers,
        body: kept.toString('latin1'),
        bodyBytes,
        sha256: hash.digest('hex'),
      }
      asked.push(one)
      if (answering(one, response) !== true) answer(one, response)
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  // A server on TCP has an address with a port.
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    asked,
    get last() {
      const latest = asked.at(-1)
      if (latest === undefined) throw new Error('nothing was asked')
      return latest
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): true {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  return true
}

export const VECTOR = [0.1, -0.25, 1e-7, 0.020942502]
export const PICTURE = Buffer.from('a picture').toString('base64')
export const SOUND: Buffer = Buffer.from(Array.from({ length: 4_000 }, (_, index) => (index * 7) % 256))

/** Routes by the end of the path, so that it serves under any base. */
function answer(asked: AskedOperation, response: ServerResponse): void {
  const [path = ''] = asked.path.split('?')
  const key = `${asked.method} ${path.replace(/^\/v1(?:beta)?/, '')}`
  const found = answers.find(([pattern]) => pattern.test(key))
  if (found === undefined) return void sendJson(response, { error: { message: `no ${key}` } }, 404)
  found[1](asked, response)
}

type Answer = (asked: AskedOperation, response: ServerResponse) => void

const json =
  (value: unknown): Answer =>
  (_asked, response) =>
    void sendJson(response, value)

const answers: readonly (readonly [RegExp, Answer])[] = [
  [/^POST \/embeddings$/, embed],
  [/^POST \/models\/[^/]+:batchEmbedContents$/, embedGemini],
  [/^POST \/models\/[^/]+:embedContent$/, json({ embedding: { values: VECTOR } })],
  [/^POST \/images\/(?:generations|edits|variations)$/, json(picture())],
  [/^POST \/audio\/speech$/, speak],
  [/^POST \/audio\/(?:transcriptions|translations)$/, json({ text: 'what was said', usage: spoken() })],
  [/^POST \/moderations$/, json({ id: 'modr-1', model: 'm', results: [{ flagged: false }] })],
  [/^POST \/rerank$/, json(ranked())],
  [/^POST \/files$/, (asked, response) => void sendJson(response, file(asked))],
  [/^GET \/files$/, (asked, response) => void sendJson(response, { object: 'list', data: [file(asked)] })],
  [/^GET \/files\/[^/]+\/content$/, fileContent],
  [/^GET \/files\/[^/]+$/, (asked, response) => void sendJson(response, file(asked))],
  [/^DELETE \/files\/file-1$/, json({ id: 'file-1', object: 'file', deleted: true })],
  [
    /^POST \/batches(?:\/[^/]+\/cancel)?$/,
    json({ id: 'batch_1', object: 'batch', output_file_id: 'file-out' }),
  ],
  [/^GET \/batches\/[^/]+$/, json({ id: 'batch_1', object: 'batch', status: 'completed' })],
  [/^GET \/batches$/, json({ object: 'list', data: [{ id: 'batch_1', object: 'batch' }] })],
  [
    /^GET \/messages\/batches$/,
    (asked, response) => void sendJson(response, { data: [messageBatch(asked)], has_more: false }),
  ],
  [/^GET \/messages\/batches\/[^/]+\/results$/, batchResults],
  [/^DELETE \/messages\/batches\/[^/]+$/, json({ id: 'msgbatch_1', type: 'message_batch_deleted' })],
  [
    /^(?:GET|POST) \/messages\/batches(?:\/[^/]+)?(?:\/cancel)?$/,
    (asked, response) => void sendJson(response, messageBatch(asked)),
  ],
]

function embed({ body }: AskedOperation, response: ServerResponse): void {
  // What a test sends here is JSON of this shape.
  const asked = JSON.parse(body) as { input: unknown; encoding_format?: string }
  const inputs = Array.isArray(asked.input) ? asked.input : [asked.input]
  const bytes = Buffer.from(Float32Array.from(VECTOR).buffer)
  const embedding = asked.encoding_format === 'base64' ? bytes.toString('base64') : VECTOR
  const data = inputs.map((_input, index) => ({ object: 'embedding', index, embedding }))
  sendJson(response, { object: 'list', data, model: 'm', usage: { prompt_tokens: 7, total_tokens: 7 } })
}

function embedGemini({ body }: AskedOperation, response: ServerResponse): void {
  // As above.
  const { requests } = JSON.parse(body) as { requests: readonly unknown[] }
  const embeddings = requests.map(() => ({ values: VECTOR }))
  sendJson(response, { embeddings, usageMetadata: { promptTokenCount: 9 } })
}

function picture() {
  const usage = { input_tokens: 10, output_tokens: 1_223, total_tokens: 1_233 }
  return { created: 1, data: [{ b64_json: PICTURE }], usage }
}

function spoken() {
  return { type: 'tokens', input_tokens: 14, output_tokens: 5, total_tokens: 19 }
}

function ranked() {
  const results = [{ index: 1, relevance_score: 0.9 }]
  return { id: 'r', results, meta: { billed_units: { search_units: 1 } } }
}

function speak(_asked: AskedOperation, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'audio/mpeg' })
  response.write(SOUND.subarray(0, 1_000))
  setImmediate(() => response.end(SOUND.subarray(1_000)))
}

function file({ headers }: AskedOperation) {
  return headers['anthropic-version'] === undefined
    ? { id: 'file-1', object: 'file', bytes: 3, created_at: 1, filename: 'a.jsonl', purpose: 'batch' }
    : { id: 'file_1', type: 'file', size_bytes: 3, filename: 'a.txt', mime_type: 'text/plain' }
}

function fileContent(_asked: AskedOperation, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/octet-stream' }).end('{"line":1}\n{"line":2}\n')
}

function messageBatch({ headers }: AskedOperation) {
  const results_url = `http://${headers.host}/v1/messages/batches/msgbatch_1/results`
  return { id: 'msgbatch_1', type: 'message_batch', processing_status: 'ended', results_url }
}

function batchResults(_asked: AskedOperation, response: ServerResponse): void {
  const line = { custom_id: 'a', result: { type: 'canceled' } }
  response.writeHead(200, { 'content-type': 'application/x-jsonl' }).end(`${JSON.stringify(line)}\n`)
}
