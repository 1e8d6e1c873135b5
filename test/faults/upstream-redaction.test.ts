/** Providers that repeat our secrets in what they say: row 38, wherever the words come from. */

import { describe, expect, test } from 'vitest'
import { httpAnswer, openWall, type ReceivedRequest } from '../../src/upstream/wall.ts'
import { type ClientAnswer, type ClientDialect, readAnswer } from '../support/client-answer.ts'
import { piece, STREAM_END, streamEvents, streamHead } from '../support/stream-events.ts'
import { type Bench, COMBINATIONS, openBench } from '../support/upstreams.ts'

const CREDENTIAL = 'our-own-credential-0123456789'

/** Nobody sees it: not the client, not the records. */
function expectNoSecret(bench: Bench, answer: ClientAnswer, host: string): void {
  const seen = JSON.stringify([
    answer.raw,
    [...answer.headers],
    bench.gateway.attempts,
    bench.gateway.exchanges,
    bench.gateway.notices,
  ])
  expect(seen).not.toContain(CREDENTIAL)
  expect(seen).not.toContain(Buffer.from(CREDENTIAL).toString('base64').slice(0, 32))
  expect(seen).not.toContain(host)
}

describe.concurrent('fault 38: a refusal that repeats the headers it was sent', () => {
  const cases = COMBINATIONS.flatMap((combination) =>
    [400, 401, 429, 500].map((status) => ({ status, ...combination })),
  )
  test.for(cases)(
    'fault 38: $status from $target is told to $client $mode without them',
    async ({ status, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: {
            dialect: target,
            credential: CREDENTIAL,
            faults: [`error-echo(status=${status})`],
          },
        },
        retries: 0,
      })
      const answer = await bench.ask({ client, mode })
      expect(answer.error).toBeDefined()
      // Of a refused credential nothing is told but that.
      if (status !== 401) expect(answer.error?.message).toContain('Simulated refusal')
      const [call] = bench.calls('primary')
      expect(JSON.stringify(call?.headers)).toContain(CREDENTIAL)
      expectNoSecret(bench, answer, call?.headers['host'] ?? 'no host')
    },
  )
})

/** An error that repeats whatever credential the request carried, as it is and as base64. */
function echo({ head }: ReceivedRequest, dialect: ClientDialect, code: number): string {
  const credential = /^(?:authorization: Bearer|x-api-key:) ?(.+)$/im.exec(head)?.[1] ?? 'none'
  const host = /^host: (.+)$/im.exec(head)?.[1] ?? 'none'
  const encoded = Buffer.from(`user:${credential}`).toString('base64')
  const message = `Refused ${credential} (${encoded}) at ${host}`
  const type = 'api_error'
  return JSON.stringify(
    dialect === 'openai-chat'
      ? { error: { message, type, param: credential, code } }
      : { type: 'error', error: { type, message, details: { error_code: credential } } },
  )
}

describe.concurrent('fault 38: an error inside a 200 that repeats them', () => {
  test.for(COMBINATIONS)(
    'fault 38: as JSON from $target, told to $client $mode without them',
    async ({ client, mode, target }) => {
      await using wall = await openWall((request) =>
        request.socket.write(httpAnswer(200, echo(request, target, 400))),
      )
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, origin: wall.origin, credential: CREDENTIAL } },
        retries: 0,
      })
      const answer = await bench.ask({ client, mode })
      expect(answer.error?.message).toContain('Refused')
      expectNoSecret(bench, answer, new URL(wall.origin).host)
    },
  )

  const inStream = COMBINATIONS.filter(({ mode }) => mode !== 'plain').flatMap((combination) =>
    ['before', 'after'].map((place) => ({ place, ...combination })),
  )
  test.for(inStream)(
    'fault 38: as an event $place content from $target, told to $client $mode without them',
    async ({ place, client, mode, target }) => {
      const committed = Promise.withResolvers<void>()
      await using wall = await openWall((request) => {
        const event = `event: error\ndata: ${echo(request, target, 500)}\n\n`
        const end = () => request.socket.write(piece(event) + STREAM_END)
        request.socket.write(streamHead())
        if (place === 'before') return end()
        request.socket.write(piece(streamEvents[target].opening + streamEvents[target].content('Begun')))
        return void committed.promise.then(end)
      })
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, origin: wall.origin, credential: CREDENTIAL } },
        retries: 0,
      })
      if (mode === 'fold') committed.resolve()
      const response = await bench.send({ client, mode })
      committed.resolve()
      const answer = await readAnswer(response, client)
      expect(answer.error?.message).toContain('Refused')
      expect(answer.text).toBe(place === 'after' && mode === 'stream' ? 'Begun' : '')
      expect(answer.hasTerminal).toBe(false)
      await bench.recordOf(answer)
      expectNoSecret(bench, answer, new URL(wall.origin).host)
    },
  )
})
