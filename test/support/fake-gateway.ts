/** A gateway whose story a test writes, and dialects as thin as the server in front needs them. */

import type { Priority } from '../../src/admission/priority.ts'
import type { DialectId, Envelope } from '../../src/canonical/envelope.ts'
import type { Dialect } from '../../src/dialects/dialect.ts'
import { GatewayError } from '../../src/errors/gateway-error.ts'
import type { Gateway, ModelEntry, Refusal } from '../../src/exchange/gateway.ts'
import type { Exchange } from '../../src/execution/exchange.ts'
import type { Reply } from '../../src/execution/reply.ts'
import type { Provider, Target, TargetId } from '../../src/providers/provider.ts'

export interface FakeGateway extends Gateway {
  readonly exchanges: Exchange[]
  readonly refusals: Refusal[]
  /** With which priority each request came. */
  readonly priorities: readonly (Priority | undefined)[]
  /** Places taken and not yet given back. */
  readonly placesTaken: number
}

export interface FakeGatewayOptions {
  readonly serve?: (exchange: Exchange) => Promise<Reply>
  /** Without keys everybody may in. */
  readonly keys?: ReadonlyMap<string, string>
  readonly models?: readonly ModelEntry[]
  readonly isFull?: () => boolean
  /** Bytes of bodies that may be held, over all requests together. */
  readonly bytesMax?: number
  readonly reasons?: () => readonly string[]
  readonly isDegraded?: () => boolean
  readonly explain?: Gateway['explain']
}

export function createFakeGateway(options: FakeGatewayOptions = {}): FakeGateway {
  const exchanges: Exchange[] = []
  const refusals: Refusal[] = []
  const priorities: (Priority | undefined)[] = []
  let placesTaken = 0
  let bytesHeld = 0
  const serve = options.serve ?? (async () => fakeReply({}))
  return {
    exchanges,
    refusals,
    priorities,
    get placesTaken() {
      return placesTaken
    },
    answers: {
      get: (id) => ({ id }),
      inputItems: () => [],
      delete() {},
      cancel: (id) => ({ id, status: 'cancelled' }),
      async *follow() {},
    },
    explain: (id, caller) => options.explain?.(id, caller),
    admit(clientKey, priority) {
      priorities.push(priority)
      const keyName = options.keys?.get(clientKey ?? '')
      if (options.keys !== undefined && keyName === undefined) {
        throw new GatewayError('unauthenticated', 'The client key is missing or not known.')
      }
      if (options.isFull?.() === true) {
        throw new GatewayError('overloaded', 'Too many requests are in flight.', { retryAfterMs: 1_200 })
      }
      placesTaken += 1
      let isHeld = true
      return {
        caller: keyName === undefined ? {} : { keyName },
        hold(bytes) {
          bytesHeld += bytes
          if (bytesHeld > (options.bytesMax ?? Infinity))
            throw new GatewayError('overloaded', 'Too many bytes are held.')
        },
        release() {
          if (isHeld) placesTaken -= 1
          isHeld = false
        },
      }
    },
    async serve(exchange, admission) {
      exchanges.push(exchange)
      try {
        return await serve(exchange)
      } finally {
        admission.release()
      }
    },
    refuse: (refusal) => void refusals.push(refusal),
    models: () => options.models ?? [],
    readiness() {
      const reasons = options.reasons?.() ?? []
      const isDegraded = options.isDegraded?.() === true
      return { isReady: isDegraded || reasons.length === 0, isDegraded, reasons }
    },
  }
}

const provider: Provider = {
  id: 'fake',
  name: 'Fake',
  dialect: 'openai-chat',
  baseUrl: 'http://127.0.0.1:9/v1',
  auth: { kind: 'none' },
  environmentKeys: [],
  isLocal: true,
  quirks: [],
}

export function fakeTarget(modelId = 'model', overrides: Partial<Provider> = {}): Target {
  return {
    id: `fake/${modelId}` as TargetId, // A test's own id.
    provider: { ...provider, ...overrides },
    modelId,
    timers: { connectMs: 1_000, firstTokenMs: 1_000, idleMs: 1_000 },
  }
}

export function fakeReply(parts: Partial<Reply>): Reply {
  return {
    status: 200,
    contentType: 'application/json',
    body: new TextEncoder().encode('{"ok":true}'),
    target: fakeTarget(),
    attempts: [],
    losses: [],
    settled: Promise.resolve({ state: 'completed', bodyBytes: 0 }),
    close: () => {},
    ...parts,
  }
}

const refuse = (): never => {
  throw new Error('the fake dialect does not do this')
}

/** A dialect that reads the body as JSON and names itself in its errors. */
export function fakeDialect(id: DialectId): Dialect {
  return {
    id,
    streamFraming: 'sse',
    peek(body, operation): Envelope {
      const text = new TextDecoder().decode(body)
      let fields: { model?: unknown; stream?: unknown } | null
      try {
        fields = JSON.parse(text) as typeof fields // Looked into below, field by field.
      } catch {
        throw new GatewayError('invalid_json', 'The body is not JSON at position 0.')
      }
      if (typeof fields?.model !== 'string')
        throw new GatewayError('invalid_request', 'model is missing.', { param: 'model' })
      return {
        dialect: id,
        operation,
        modelId: fields.model,
        stream: fields.stream === true,
        wantsStreamUsage: false,
        candidateCount: 1,
        bodyBytes: body.length,
        fields: new Map(),
        bodyStart: 1,
      }
    },
    readRequest: refuse,
    writeRequest: refuse,
    patchRequest: refuse,
    path: refuse,
    capOutput: (fields) => fields,
    requestHeaders: {},
    forwardedHeaders: [],
    readResult: refuse,
    createStreamReader: refuse,
    createPassthrough: refuse,
    createFolder: refuse,
    readError: refuse,
    writeResult: refuse,
    createStreamWriter: refuse,
    resumeStream: refuse,
    writeError: (error, context) =>
      JSON.stringify({ dialect: id, code: error.code, message: error.message, requestId: context.requestId }),
    writeStreamError: (error, context) =>
      `data: ${JSON.stringify({ error: error.code, partial: context.isPartial === true })}\n\n`,
    heartbeat: ': heartbeat\n\n',
  }
}

export const fakeDialects: ReadonlyMap<DialectId, Dialect> = new Map(
  (['openai-chat', 'openai-responses', 'openai-completions', 'anthropic-messages', 'gemini'] as const).map(
    (id) => [id, fakeDialect(id)],
  ),
)
