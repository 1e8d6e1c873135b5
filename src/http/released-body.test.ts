import { expect, test } from 'vitest'
import { fakeReply } from '../../test/support/fake-gateway.ts'
import { startServer } from '../../test/support/http-server.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { until } from '../upstream/wall.ts'

const body = JSON.stringify({ model: 'm', messages: ['x'.repeat(200_000)] })

test('a large body is there until its exchange has settled, and its memory is given back then', async () => {
  const settled = Promise.withResolvers<{ state: 'completed'; bodyBytes: number }>()
  let bytesAtSettlement = 0
  const { chat, gateway } = await startServer({
    serve: async (exchange) => {
      // As the story does: its record of the settlement reads the body.
      void settled.promise.then(() => {
        bytesAtSettlement = exchange.body.length
      })
      return fakeReply({ settled: settled.promise })
    },
  })
  const answer = await chat({ body })
  await answer.text()
  const [exchange] = gateway.exchanges
  expect(exchange?.body.length).toBe(body.length)
  settled.resolve({ state: 'completed', bodyBytes: 0 })
  await until(() => exchange?.body.length === 0)
  expect(bytesAtSettlement).toBe(body.length)
})

test('a large body is given back when the exchange failed', async () => {
  const { chat, gateway } = await startServer({
    serve: () => Promise.reject(new GatewayError('upstream_error', 'broken')),
  })
  const answer = await chat({ body })
  await answer.text()
  expect(answer.status).toBe(502)
  await until(() => gateway.exchanges[0]?.body.length === 0)
})
