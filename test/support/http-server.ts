/** Starts the server in front on a free port with a fake gateway, and closes it with the test. */

import { onTestFinished } from 'vitest'
import type { DialectId } from '../../src/canonical/envelope.ts'
import type { Dialect } from '../../src/dialects/dialect.ts'
import type { CertificatePair } from '../../src/http/front.ts'
import type { HttpLimits } from '../../src/http/http-limits.ts'
import { createGatewayServer, type GatewayServer } from '../../src/http/server.ts'
import { type Clock, systemClock } from '../../src/std/clock.ts'
import { systemIds } from '../../src/std/ids.ts'
import type { NoticeRecord } from '../../src/telemetry/records.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'
import { createFakeGateway, type FakeGateway, type FakeGatewayOptions, fakeDialects } from './fake-gateway.ts'

export interface TestServer {
  readonly server: GatewayServer
  readonly gateway: FakeGateway
  readonly notices: readonly NoticeRecord[]
  readonly url: string
  readonly port: number
  /** A chat request in the OpenAI dialect, changed as told. */
  chat(init?: ChatInit, path?: string): Promise<Response>
}

export interface ChatInit {
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly headers?: Readonly<Record<string, string>>
}

export interface TestServerOptions extends FakeGatewayOptions {
  readonly limits?: Partial<HttpLimits>
  /** Over TLS. */
  readonly pair?: CertificatePair
  readonly heartbeatMs?: number
  readonly metrics?: () => Promise<string>
  readonly dialects?: ReadonlyMap<DialectId, Dialect>
  /** That of the machine unless said. */
  readonly clock?: Clock
}

export const CHAT_BODY = '{"model":"fake/model","messages":[{"role":"user","content":"hello"}]}'

export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const gateway = createFakeGateway(options)
  const telemetry = createTelemetry()
  const notices: NoticeRecord[] = []
  telemetry.notices.subscribe((notice) => notices.push(notice))
  const server = createGatewayServer({
    gateway,
    dialects: options.dialects ?? fakeDialects,
    clock: options.clock ?? systemClock,
    ids: systemIds,
    telemetry,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.pair === undefined ? {} : { pair: options.pair }),
    ...(options.heartbeatMs === undefined ? {} : { heartbeatMs: options.heartbeatMs }),
    ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
  })
  const { url, port } = await server.listen('127.0.0.1', 0)
  onTestFinished(() => server.close())
  return {
    server,
    gateway,
    notices,
    url,
    port,
    chat: (init = {}, path = '/v1/chat/completions') =>
      fetch(url + path, {
        method: 'POST',
        body: init.body ?? CHAT_BODY,
        headers: { 'content-type': 'application/json', ...init.headers },
      }),
  }
}

/** The bytes of a chat request as a raw client sends it. */
export function rawChat(
  options: { readonly headers?: string; readonly body?: string; readonly path?: string } = {},
): string {
  const body = options.body ?? CHAT_BODY
  const path = options.path ?? '/v1/chat/completions'
  const headers = options.headers ?? `content-length: ${Buffer.byteLength(body)}\r\n`
  return `POST ${path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n${headers}\r\n${body}`
}
