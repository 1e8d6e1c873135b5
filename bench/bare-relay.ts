/**
 * The yardstick: the least that a relay on Node can do with node:http and undici's dispatch. It reads the request, sends it
 * to the one upstream it was given, and passes the answer back under back-pressure. No routing, no reading, no retries.
 */

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'

const upstream = process.argv[2] ?? ''
const pool = new Pool(upstream, { connections: 8_192, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })

const server = createServer({ noDelay: true }, (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => forward(request, response, chunks))
})

function forward(request: IncomingMessage, response: ServerResponse, chunks: readonly Buffer[]): void {
  const [first] = chunks
  const body = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks)
  pool.dispatch(
    {
      path: request.url ?? '/',
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer bench-key' },
      body,
    },
    relayTo(response),
  )
}

function relayTo(response: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart(controller) {
      response.on('close', () => {
        if (!response.writableFinished) controller.abort(new Error('the client left'))
      })
    },
    onResponseStart(controller, status, headers) {
      response.writeHead(status, passedHeaders(headers))
      response.on('drain', () => controller.resume())
    },
    onResponseData(controller, chunk) {
      if (!response.write(chunk)) controller.pause()
    },
    onResponseEnd() {
      response.end()
    },
    onResponseError() {
      if (response.headersSent) response.destroy()
      else response.writeHead(502).end()
    },
  }
}

function passedHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const type = headers['content-type'] ?? 'application/json'
  const length = headers['content-length']
  return length === undefined ? { 'content-type': type } : { 'content-type': type, 'content-length': length }
}

server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`listening ${typeof address === 'object' ? address?.port : ''}\n`)
})
