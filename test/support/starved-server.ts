/** A server run by a test with few file descriptors: says its port, then each notice, one JSON line each. */

import { createGatewayServer } from '../../src/http/server.ts'
import { systemClock } from '../../src/std/clock.ts'
import { systemIds } from '../../src/std/ids.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'
import { createFakeGateway, fakeDialects } from './fake-gateway.ts'

const telemetry = createTelemetry()
telemetry.notices.subscribe((notice) => console.log(JSON.stringify(notice)))
const server = createGatewayServer({
  gateway: createFakeGateway(),
  dialects: fakeDialects,
  clock: systemClock,
  ids: systemIds,
  telemetry,
})
const { port } = await server.listen('127.0.0.1', 0)
console.log(JSON.stringify({ port }))
