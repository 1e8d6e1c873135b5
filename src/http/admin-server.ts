/**
 * The listener for those who run the gateway, apart from the one for clients (SEC-16): on loopback only. What tells how
 * the gateway is asks for no key; what shows or changes keys and money is the admin API's, and asks everybody. A client
 * key is worth nothing here and nothing here is reachable where clients are.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { describeDefect } from '../errors/describe-defect.ts'
import type { Readiness } from '../exchange/gateway.ts'
import type { Telemetry } from '../telemetry/records.ts'
import type { AdminApi } from './admin/admin-api.ts'
import { readOrigin } from './browser-origin.ts'
import { isLoopbackName } from './loopback-host.ts'
import { classifyParserError } from './malformed-request.ts'
import type { OperatorView } from './operator-view.ts'
import { readinessAnswer } from './readiness.ts'
import type { ListenAddress } from './server.ts'

export interface AdminServerOptions {
  readonly view: OperatorView
  readonly readiness: () => Readiness
  /** The text of `/metrics`. */
  readonly metrics: () => Promise<string>
  readonly telemetry: Telemetry
  /** Absent: there is only what tells. */
  readonly api?: AdminApi
}

export interface AdminServer {
  /** Rejects with Node's error where the address cannot be had. Port 0 takes any. */
  listen(host: string, port: number): Promise<ListenAddress>
  /** Closes everything now. Safe to call before `listen`, and again. */
  close(): Promise<void>
}

/** A few people and programs of this machine; more at one time is a mistake. */
const CONNECTIONS_MAX = 64
const HEADERS_BYTES_MAX = 8 * 1024
/** From a request's first byte to its last, ms. */
const REQUEST_MS = 10_000
const KEEP_ALIVE_MS = 5_000
/** A connection on which nothing moves for so long is cut: who does not read his answer keeps it in memory. Longer than a report takes. */
const IDLE_MS = 30_000

export function createAdminServer(options: AdminServerOptions): AdminServer {
  const server = createServer(
    {
      // Said here, so that no flag of Node can unsay it (SEC-31).
      insecureHTTPParser: false,
      maxHeaderSize: HEADERS_BYTES_MAX,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      requireHostHeader: false, // Judged by us, with an answer in JSON.
    },
    (request, response) => void respond(request, response, options),
  )
  server.maxConnections = CONNECTIONS_MAX
  server.setTimeout(IDLE_MS)
  server.on('clientError', refuseMalformed)
  return {
    listen: (host, port) => listen(server, host, port),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function listen(server: Server, host: string, port: number): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      // A full descriptor table is told by the listener for clients, which shares it.
      server.on('error', () => {})
      // A listening TCP server has an AddressInfo; strings are for pipes.
      const address = server.address() as AddressInfo
      const shownHost = address.family === 'IPv6' ? `[${address.address}]` : address.address
      resolve({ url: `http://${shownHost}:${address.port}`, port: address.port })
    })
  })
}

/** What is no HTTP, too large or too slow: answered as every refusal is, and nothing may follow it. */
function refuseMalformed(error: Error, socket: Duplex): void {
  const { code, status, message } = classifyParserError(error)
  if (!socket.writable || code === 'client_gone') return void socket.destroy()
  const body = JSON.stringify(problem(status, message).body)
  const headers = {
    ...SAFETY,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n${lines.join('')}\r\n${body}`)
}

interface Answer {
  readonly status: number
  /** JSON, unless it is text. */
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  options: AdminServerOptions,
): Promise<void> {
  try {
    const refusal = refusalOf(request)
    if (refusal === undefined && options.api?.owns(pathOf(request)) === true)
      return await options.api.handle(request, response)
    write(response, request, refusal ?? (await answerOf(request, options)))
  } catch (error) {
    options.telemetry.notices.publish({
      level: 'error',
      name: 'admin_defect',
      message: 'A request to the admin listener met a defect of the gateway.',
      facts: { ...describeDefect(error) },
    })
    write(response, request, problem(500, 'The gateway failed on this request.'))
  }
}

/** Of pages from elsewhere, before anything is looked at. */
function refusalOf({ headers }: IncomingMessage): Answer | undefined {
  if (!isLoopbackName(headers.host))
    return problem(421, 'The admin listener answers to the names of this machine only: localhost, 127.0.0.1.')
  if (readOrigin(headers).type === 'foreign' || headers['sec-fetch-site'] === 'cross-site')
    return problem(403, 'Web pages from elsewhere are not answered here.')
  return undefined
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? ''
}

const EXPLAIN = /^\/explain\/([A-Za-z0-9_-]{1,128})$/

async function answerOf(request: IncomingMessage, options: AdminServerOptions): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { ...problem(405, 'This path answers GET.'), headers: { allow: 'GET, HEAD' } }
  const path = pathOf(request)
  switch (path) {
    case '/status':
      return { status: 200, body: options.view.status() }
    case '/metrics':
      return { status: 200, body: await options.metrics() }
    case '/healthz':
      return { status: 200, body: { status: 'alive' } }
    case '/readyz':
      return readinessAnswer(options.readiness())
  }
  const requestId = EXPLAIN.exec(path)?.[1]
  if (requestId === undefined)
    return problem(404, 'There are /status, /explain/{request-id}, /metrics, /healthz and /readyz here.')
  const explanation = options.view.explain(requestId)
  if (explanation !== undefined) return { status: 200, body: explanation }
  return problem(404, 'Nothing is kept of this request: ask with x-holdfast-explain: 1, and look soon after.')
}

function problem(status: number, message: string): Answer {
  return { status, body: { error: { message } } }
}

/** Nothing may be kept, framed, read from another origin, or taken for something else. */
const SAFETY = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
}

function write(response: ServerResponse, request: IncomingMessage, answer: Answer): void {
  const isText = typeof answer.body === 'string'
  const body = Buffer.from(isText ? answer.body : `${JSON.stringify(answer.body, undefined, 2)}\n`)
  // What a request carries besides is not read, so nothing may follow it.
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  response.writeHead(answer.status, {
    ...SAFETY,
    'content-type': isText ? 'text/plain; version=0.0.4; charset=utf-8' : 'application/json; charset=utf-8',
    'content-length': body.length,
    ...(hasBody ? { connection: 'close' } : {}),
    ...answer.headers,
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}
