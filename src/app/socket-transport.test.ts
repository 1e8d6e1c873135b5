import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../std/clock.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import { BLOCKED_ADDRESS } from '../upstream/transport-codes.ts'
import { httpAnswer, openWall } from '../upstream/wall.ts'
import { requestTo, Watched } from '../upstream/watched-call.ts'
import type { HoldfastConfig } from './config/config.ts'
import { loadConfig } from './config/load-config.ts'
import { createSocketTransport } from './socket-transport.ts'

function configOf(providers: string): HoldfastConfig {
  const env = {
    OPENAI_API_KEY: 'o-key',
    GROQ_API_KEY: 'g-key',
    AZURE_OPENAI_ENDPOINT: 'http://mine.openai.azure.com',
  }
  const loaded = loadConfig({ text: `discover: false\nproviders: ${providers}`, env })
  if (!loaded.ok) throw new Error(loaded.faults.map((fault) => fault.message).join('\n'))
  return loaded.config
}

/** A gateway on whose machine every name leads to a wall of this machine. */
async function openPoisoned(providers: string) {
  const wall = await openWall(({ socket }) => socket.write(httpAnswer(200, '{}')))
  onTestFinished(() => wall[Symbol.asyncDispose]())
  let config = configOf(providers)
  const transport = createSocketTransport({
    clock: systemClock,
    telemetry: createTelemetry(),
    config,
    providers: () => config.providers,
    lookup: (_hostname, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
  })
  onTestFinished(() => transport.close())
  const ask = async (hostname: string) => {
    const watched = new Watched()
    transport.send(requestTo(`http://${hostname}:${new URL(wall.origin).port}`), watched.handler)
    await watched.done.promise
    return watched.failure?.code ?? watched.status
  }
  const reload = (next: string) => {
    config = configOf(next)
  }
  return { wall, ask, reload }
}

describe('SEC-2: on a machine whose names lead inside', () => {
  test('a built-in address is not dialled, under whatever id', async () => {
    const { wall, ask } = await openPoisoned('{ openai: {}, mine: { provider: openai }, groq: {} }')
    expect([await ask('api.openai.com'), await ask('api.groq.com')]).toEqual([
      BLOCKED_ADDRESS,
      BLOCKED_ADDRESS,
    ])
    expect(wall.sockets).toEqual([])
  })

  test('what the file or the environment writes as an address is, from the reload on that writes it', async () => {
    const { ask, reload } = await openPoisoned('{ azure-openai: { credential: a-key }, groq: {} }')
    expect(await ask('mine.openai.azure.com')).toBe(200)
    expect(await ask('api.groq.com')).toBe(BLOCKED_ADDRESS)
    reload('{ groq: { baseUrl: "https://API.groq.com/openai/v1" } }')
    expect(await ask('api.groq.com')).toBe(200)
    expect(await ask('api.openai.com')).toBe(BLOCKED_ADDRESS)
  })
})
