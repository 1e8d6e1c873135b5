/** A provider that answers as its test says, byte for byte, and keeps what it was asked; and a whole gateway before some. */

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TargetDialectId } from '../../src/canonical/envelope.ts'
import type { JsonObject } from '../../src/std/json.ts'
import { startTestGateway, type TestGateway } from './gateway.ts'

export interface AskedOfProvider {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** As it came. */
  readonly text: string
  readonly body: JsonObject
  /** Resolves when the gateway has gone, or has the whole answer. */
  readonly left: Promise<void>
}

export interface ProvidersAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** JSON, or a text or bytes as they are: an event stream where it begins as one. */
  readonly body: object | string | Uint8Array
  /** The answer never ends. */
  readonly isOpen?: boolean
}

export type Telling = (asked: AskedOfProvider, count: number) => ProvidersAnswer

export interface ToldProvider extends AsyncDisposable {
  readonly origin: string
  readonly asked: readonly AskedOfProvider[]
}

export async function startToldProvider(tell: Telling): Promise<ToldProvider> {
  const asked: AskedOfProvider[] = []
  const server = createServer((request, response) => {
    void readAsked(request, response).then((one) => {
      asked.push(one)
      say(response, tell(one, asked.length))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // Sound: a listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function readAsked(request: IncomingMessage, response: ServerResponse): Promise<AskedOfProvider> {
  const left = new Promise<void>((resolve) => response.once('close', resolve))
  const chunks: Uint8Array[] = []
  for await (const chunk of request) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    text,
    // Sound: the gateway sends one JSON object, or nothing.
    body: (text === '' ? {} : JSON.parse(text)) as JsonObject,
    left,
  }
}

function say(
  response: ServerResponse,
  { status = 200, headers, body, isOpen = false }: ProvidersAnswer,
): void {
  const text = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
  const isStream = typeof text === 'string' && /^(?:event|data|:)/.test(text)
  response.writeHead(status, {
    'content-type': isStream ? 'text/event-stream' : 'application/json',
    ...headers,
  })
  response.write(text)
  if (!isOpen) response.end()
}

/** Events of a stream: with a name each, as Anthropic's and OpenAI's Responses have, where they have a type. */
export function eventsOf(...values: readonly (JsonObject | string)[]): string {
  return values
    .map((value) => {
      if (typeof value === 'string') return `data: ${value}\n\n`
      const { type } = value
      return `${typeof type === 'string' ? `event: ${type}\n` : ''}data: ${JSON.stringify(value)}\n\n`
    })
    .join('')
}

export interface ToldUpstream {
  readonly dialect: TargetDialectId
  readonly tell: Telling
  /** The provider this is a further instance of, where its facts matter. */
  readonly provider?: string
}

export interface ToldStage extends AsyncDisposable {
  readonly gateway: TestGateway
  readonly url: string
  /** Everything a provider was asked. */
  asked(name: string): readonly AskedOfProvider[]
  lastAsked(name: string): AskedOfProvider
}

const BASES: Partial<Record<TargetDialectId, string>> = {
  gemini: '/v1beta',
  'bedrock-converse': '',
  'cohere-chat': '/v2',
  'ollama-chat': '/api',
}

/** Each provider under its name, with the model `m`. */
export async function openToldStage(
  upstreams: Readonly<Record<string, ToldUpstream>>,
  config: Readonly<Record<string, unknown>> = {},
): Promise<ToldStage> {
  const providers = new Map<string, ToldProvider>()
  for (const [name, { tell }] of Object.entries(upstreams)) providers.set(name, await startToldProvider(tell))
  const entry = ([name, { dialect, provider }]: readonly [string, ToldUpstream]) => [
    name,
    {
      dialect,
      ...(provider === undefined ? {} : { provider }),
      baseUrl: `${providers.get(name)?.origin}${BASES[dialect] ?? '/v1'}`,
      credential: `credential-of-${name}-0123456789`,
      models: ['m'],
    },
  ]
  const gateway = await startTestGateway({
    config: {
      discover: false,
      ...config,
      providers: Object.fromEntries(Object.entries(upstreams).map(entry)),
    },
  })
  const asked = (name: string) => providers.get(name)?.asked ?? []
  return {
    gateway,
    url: gateway.url,
    asked,
    lastAsked(name) {
      const last = asked(name).at(-1)
      if (last === undefined) throw new Error(`${name} was not asked`)
      return last
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      for (const provider of providers.values()) await provider[Symbol.asyncDispose]()
    },
  }
}
