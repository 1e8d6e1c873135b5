/** A provider's secret in a file that is replaced, and one that goes away, while the gateway runs. */

import { rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startProcess } from '../support/gateway-process.ts'

const ANSWER = JSON.stringify({
  id: 'c1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'fine' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
})
const FIRST = 'provider-secret-first-4711'
const SECOND = 'provider-secret-second-0815'

/** How soon a secret that was written counts, ms. */
const SOON_MS = 5_000

test('fault 134: a new secret counts within five seconds; one that is gone leaves the last in force, alone, and is told', async () => {
  const seen: (string | undefined)[] = []
  const upstream = createServer((request, response) => {
    seen.push(request.headers.authorization)
    request.resume().on('end', () => response.end(ANSWER))
  })
  await new Promise<void>((resolve) => void upstream.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void upstream.close())
  // Sound: it listens on a port.
  const { port } = upstream.address() as AddressInfo
  const provider = (file: string) => ({
    dialect: 'openai-chat',
    baseUrl: `http://127.0.0.1:${port}/v1`,
    credential: `file:${file}`,
  })
  await using gateway = await startProcess({
    config: { discover: false, providers: { up: provider('secret.txt'), other: provider('other.txt') } },
    prepare: (folder) => {
      for (const name of ['secret.txt', 'other.txt']) writeFileSync(join(folder, name), `${FIRST}\n`)
    },
  })
  const secretOfNext = async (name = 'up') => {
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      body: `{"model":"${name}/m","messages":[{"role":"user","content":"hi"}]}`,
    })
    expect(answer.status, await answer.text()).toBe(200)
    return seen.at(-1)
  }
  /** Nobody says to the gateway that it happened. */
  const soon = async (expectation: () => Promise<void>) => {
    const startedAtMs = performance.now()
    await vi.waitFor(expectation, { timeout: SOON_MS, interval: 100 })
    expect(performance.now() - startedAtMs).toBeLessThan(SOON_MS)
  }
  const counts = (secret: string, name?: string) => async () =>
    expect(await secretOfNext(name)).toBe(`Bearer ${secret}`)
  const gone = () => gateway.linesLike({ notice: 'secret_file_gone' })
  await counts(FIRST)()

  writeFileSync(join(gateway.folder, 'secret.txt'), `${SECOND}\n`)
  await soon(counts(SECOND))
  expect(gone()).toEqual([])

  rmSync(join(gateway.folder, 'secret.txt'))
  await soon(async () => expect(gone()).toHaveLength(1))
  await counts(SECOND)()
  expect(gone()[0]).toMatchObject({ level: 'error', msg: expect.stringContaining('secret.txt') })
  // The one that is gone holds up no other, nor a reload.
  writeFileSync(join(gateway.folder, 'other.txt'), `${SECOND}\n`)
  await soon(counts(SECOND, 'other'))
  await counts(SECOND)()
  expect(gateway.linesLike({ notice: 'config_rejected' })).toEqual([])

  writeFileSync(join(gateway.folder, 'secret.txt'), `${FIRST}\n`)
  await soon(counts(FIRST))
  for (const secret of [FIRST, SECOND]) expect(gateway.printed()).not.toContain(secret)
})

test('fault 134: a file that is empty, or never was, is refused, and comes into force when it is there', async () => {
  const config = (file: string) => ({
    discover: false,
    providers: {
      up: { dialect: 'openai-chat', baseUrl: 'http://127.0.0.1:9/v1', credential: `file:${file}` },
    },
  })
  await using gateway = await startProcess({
    config: config('secret.txt'),
    prepare: (folder) => writeFileSync(join(folder, 'secret.txt'), FIRST),
  })
  const notices = (notice: string) => gateway.linesLike({ notice }).length
  const soon = (expectation: () => void) => vi.waitFor(expectation, { timeout: SOON_MS, interval: 100 })
  writeFileSync(join(gateway.folder, 'secret.txt'), '')
  await soon(() => expect(notices('config_rejected')).toBe(1))
  writeFileSync(join(gateway.folder, 'secret.txt'), SECOND)
  await soon(() => expect(notices('config_reloaded')).toBe(1))

  writeFileSync(join(gateway.folder, 'holdfast.yaml'), JSON.stringify(config('later.txt')))
  await soon(() => expect(notices('config_rejected')).toBe(2))
  writeFileSync(join(gateway.folder, 'later.txt'), FIRST)
  await soon(() => expect(notices('config_reloaded')).toBe(2))
})
