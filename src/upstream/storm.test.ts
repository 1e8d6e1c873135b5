import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { createSeededRandom } from '../std/ids.ts'
import { openAttempts } from './sent-to-wall.ts'
import { chunkedHead, httpAnswer, httpChunk, openWall, type ReceivedRequest } from './wall.ts'

const REQUESTS = 600
const random = createSeededRandom(7)
const pick = <T>(choices: readonly T[]): T => {
  const choice = choices[Math.floor(random.next() * choices.length)]
  if (choice === undefined) throw new Error('nothing to choose from')
  return choice
}

const manners: readonly ((request: ReceivedRequest) => void)[] = [
  ({ socket }) => socket.write(httpAnswer(200, '{"good":true}')),
  ({ socket }) => socket.write(httpAnswer(200, '{"good":true}')),
  ({ socket }) => socket.end(httpAnswer(200, '{"good":true}', { connection: 'close' })),
  ({ socket }) => socket.resetAndDestroy(),
  ({ socket }) => socket.end(),
  ({ socket }) => socket.write('garbage\r\n\r\n'),
  ({ socket }) => socket.write(httpAnswer(500, '{"error":{"message":"no"}}')),
  ({ socket }) =>
    socket.write(httpAnswer(200, '{"good":', { 'content-length': '20' }), () => socket.resetAndDestroy()),
  ({ socket }) =>
    socket.write(
      `${httpAnswer(200, '{"good":true}').toString()}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`,
    ),
  ({ socket }) => {
    socket.write(chunkedHead('application/json') + httpChunk('{"good"'))
    setImmediate(() => socket.write(`${httpChunk(':true}')}0\r\n\r\n`))
  },
]

test('a storm of faults and leaving clients: every attempt ends once, no answer is foreign, nothing is left open', async () => {
  const { send, close } = openAttempts()
  await using wall = await openWall((request) => pick(manners)(request))
  const counts = { good: 0, failed: 0, left: 0 }
  const gone = new GatewayError('client_gone', 'gone')
  let left = REQUESTS
  const client = async () => {
    while (left-- > 0) {
      const controller = new AbortController()
      if (random.next() < 0.2) setTimeout(() => controller.abort(gone), random.next() * 3)
      try {
        const response = await send(wall, { signal: controller.signal })
        let text = ''
        for await (const chunk of response.body) text += Buffer.from(chunk).toString()
        expect(text).toBe('{"good":true}')
        counts.good += 1
      } catch (error) {
        if (error === gone) counts.left += 1
        else {
          expect(error).toBeInstanceOf(GatewayError)
          expect(String(error)).not.toContain('evil')
          counts.failed += 1
        }
      }
    }
  }
  await Promise.all(Array.from({ length: 20 }, client))
  await close()
  expect(counts.good + counts.failed + counts.left).toBe(REQUESTS)
  expect(Math.min(counts.good, counts.failed, counts.left)).toBeGreaterThan(0)
})
