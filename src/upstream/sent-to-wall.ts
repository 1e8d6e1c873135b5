/** Real attempts at a wall, for the tests of this room: a sender over real sockets, and what an attempt comes to. */

import { dialects } from '../dialects/index.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { AttemptTimers, Provider, Target } from '../providers/provider.ts'
import { createChannel } from '../std/channel.ts'
import { systemClock } from '../std/clock.ts'
import { Secret } from '../std/secret.ts'
import type { NoticeRecord } from '../telemetry/records.ts'
import type { UpstreamRequest, UpstreamResponse } from './attempt.ts'
import { createRedactor } from './redact.ts'
import { createSender } from './send.ts'
import { createUndiciTransport, type UndiciTransportOptions } from './undici-transport.ts'
import { CREDENTIAL, openWall, type Wall, wallTarget } from './wall.ts'

export type SentOptions = Partial<UpstreamRequest> & {
  readonly provider?: Partial<Provider>
  readonly bytesMax?: number
}

/** Sends attempts to walls; `notices` collects what was published. */
export function openAttempts(options: UndiciTransportOptions = {}) {
  const transport = createUndiciTransport(options)
  const notices: NoticeRecord[] = []
  const telemetry = { notices: createChannel<NoticeRecord>() }
  telemetry.notices.subscribe((notice) => notices.push(notice))

  const send = (
    wall: Wall,
    { provider, bytesMax, ...request }: SentOptions = {},
  ): Promise<UpstreamResponse> => {
    const sender = createSender({
      transport,
      clock: systemClock,
      dialects,
      telemetry,
      redactor: createRedactor([new Secret(CREDENTIAL)]),
      userAgent: 'holdfast/0.0.0',
      ...(bytesMax === undefined ? {} : { limits: { responseBytesMax: bytesMax } }),
    })
    return sender.send({
      target: wallTarget(wall.origin, provider),
      method: 'POST',
      path: '/chat/completions',
      headers: {},
      body: Buffer.from('{"model":"brick"}'),
      stream: false,
      signal: new AbortController().signal,
      ...request,
    })
  }

  return { send, notices, close: () => transport.close() }
}

export async function textOf(response: UpstreamResponse): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** What the whole attempt comes to: the text of a good answer, or the error. */
export async function outcomeOf(sent: Promise<UpstreamResponse>): Promise<string | GatewayError> {
  try {
    return await textOf(await sent)
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
}

export async function errorOf(sent: Promise<UpstreamResponse>): Promise<GatewayError> {
  const outcome = await outcomeOf(sent)
  if (typeof outcome === 'string') throw new Error(`a good answer: ${outcome}`)
  return outcome
}

/** A target of the wall with little patience, ms. */
export function impatientTarget(wall: Wall, timers: Partial<AttemptTimers>): Target {
  const target = wallTarget(wall.origin)
  return { ...target, timers: { ...target.timers, ...timers } }
}

/** A wall that gives every request the same bytes. */
export function answering(bytes: string | Buffer): Promise<Wall> {
  return openWall(({ socket }) => socket.write(bytes))
}
