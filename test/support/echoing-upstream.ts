/** A provider that repeats what it was sent, secrets and all, in every place an answer has: the redactor's worst customer. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface EchoingUpstream extends AsyncDisposable {
  readonly origin: string
}

/** Where the echo stands; a request asks for one as its model. */
export const ECHO_PLACES = [
  'error-message',
  'error-fields',
  'error-text',
  'error-html',
  'error-headers',
  'error-in-success',
  'redirect',
  'broken-json',
  'usage',
  'stream-error-first',
  'stream-error-late',
  'stream-broken-event',
  'stream-error-line',
] as const

export async function startEchoingUpstream(): Promise<EchoingUpstream> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => void chunks.push(chunk))
    request.on('end', () => answer(request, Buffer.concat(chunks).toString(), response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A server on TCP has an address with a port.
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Everything a header said, as it came, in base64 and for a URL. */
function echoOf(request: IncomingMessage): string {
  const values = Object.entries(request.headers).map(([name, value]) => `${name}: ${String(value)}`)
  const text = values.join(' ')
  const secrets = Object.values(request.headers).map((value) => String(value).replace(/^Bearer /, ''))
  return [
    text,
    Buffer.from(text).toString('base64'),
    Buffer.from(text).toString('base64url'),
    encodeURIComponent(text),
    ...secrets.map((secret) => Buffer.from(secret).toString('base64')),
  ].join(' | ')
}

function answer(request: IncomingMessage, body: string, response: ServerResponse): void {
  const place = /"model":"([^"]+)"/.exec(body)?.[1] ?? 'error-message'
  const echo = echoOf(request)
  const credential = String(request.headers['authorization'] ?? request.headers['x-api-key'])
  const json = (status: number, value: unknown, headers: Record<string, string> = {}) =>
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(typeof value === 'string' ? value : JSON.stringify(value))
  const events = (...parts: readonly string[]) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(parts.join(''))
  const error = { type: 'server_error', message: echo, code: credential }
  const isMessages = request.url?.includes('/messages') === true
  switch (place) {
    case 'error-fields':
      return void json(400, {
        error: { type: echo, code: echo, param: credential, message: 'No.', more: echo },
      })
    case 'error-text':
      return void response.writeHead(503, { 'content-type': 'text/plain' }).end(echo)
    case 'error-html':
      return void response.writeHead(502, { 'content-type': 'text/html' }).end(`<html>${echo}</html>`)
    case 'error-headers':
      response.statusMessage = credential
      return void json(
        401,
        { error },
        {
          'x-request-id': credential,
          'request-id': credential,
          'www-authenticate': credential,
          'retry-after': credential,
          server: credential,
        },
      )
    case 'error-in-success':
      return void json(200, { error })
    case 'redirect':
      return void response.writeHead(302, { location: `http://127.0.0.1:1/?key=${credential}` }).end()
    case 'broken-json':
      return void json(200, `{"choices": [{"message": ${echo}`)
    case 'usage':
      return void json(200, isMessages ? messageWith(credential) : completionWith(credential))
    case 'stream-error-first':
      return void events(isMessages ? messagesEvent({ type: 'error', error }) : data({ error }))
    case 'stream-error-late':
      return void events(
        beginning(isMessages),
        isMessages ? messagesEvent({ type: 'error', error }) : data({ error }),
      )
    case 'stream-broken-event':
      return void events(beginning(isMessages), `data: {"broken": ${echo}\n\n`)
    case 'stream-error-line':
      return void events(beginning(isMessages), `${JSON.stringify({ error })}\n\n`)
    default:
      return void json(500, { error })
  }
}

const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const messagesEvent = (value: { readonly type: string; readonly [field: string]: unknown }) =>
  `event: ${value.type}\n${data(value)}`

function beginning(isMessages: boolean): string {
  if (!isMessages) {
    return data({
      id: 'c',
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta: { content: 'So ' } }],
    })
  }
  const message = {
    id: 'm',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [],
    usage: { input_tokens: 1, output_tokens: 1 },
  }
  return [
    messagesEvent({ type: 'message_start', message }),
    messagesEvent({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    messagesEvent({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'So ' } }),
  ].join('')
}

/** A whole answer whose counts are no counts. */
function completionWith(credential: string): object {
  return {
    id: 'c',
    object: 'chat.completion',
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: 'So be it.' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: -1, account: credential },
  }
}

function messageWith(credential: string): object {
  return {
    id: 'm',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [{ type: 'text', text: 'So be it.' }],
    stop_reason: 'end_turn',
    usage: { input_tokens: 1, output_tokens: -1, account: credential },
  }
}
