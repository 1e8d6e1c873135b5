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

test('fault 134: a new secret counts from the reload on; one that is gone leaves the old one in force, and is told', async () => {
  const seen: (string | undefined)[] = []
  const upstream = createServer((request, response) => {
    seen.push(request.headers.authorization)
    request.resume().on('end', () => response.end(ANSWER))
  })
  await new Promise<void>((resolve) => void upstream.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void upstream.close())
  // Sound: it listens on a port.
  const { port } = upstream.address() as AddressInfo
  const up = { dialect: 'openai-chat', baseUrl: `http://127.0.0.1:${port}/v1`, credential: 'file:secret.txt' }
  await using gateway = await startProcess({
    config: { discover: false, providers: { up } },
    prepare: (folder) => writeFileSync(join(folder, 'secret.txt'), `${FIRST}\n`),
  })
  const secretFile = join(gateway.folder, 'secret.txt')
  const secretOfNext = async () => {
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      body: '{"model":"up/m","messages":[{"role":"user","content":"hi"}]}',
    })
    expect(answer.status, await answer.text()).toBe(200)
    return seen.at(-1)
  }
  const reload = async (notice: string) => {
    const before = gateway.linesLike({ notice }).length
    gateway.kill('SIGHUP')
    await vi.waitFor(() => expect(gateway.linesLike({ notice }).length).toBe(before + 1), { timeout: 10_000 })
  }
  expect(await secretOfNext()).toBe(`Bearer ${FIRST}`)

  writeFileSync(secretFile, `${SECOND}\n`)
  await reload('config_reloaded')
  expect(await secretOfNext()).toBe(`Bearer ${SECOND}`)

  rmSync(secretFile)
  await reload('config_rejected')
  expect(await secretOfNext()).toBe(`Bearer ${SECOND}`)
  expect(gateway.printed()).toContain('secret.txt')
  expect(gateway.printed()).not.toContain(FIRST)
  expect(gateway.printed()).not.toContain(SECOND)
})
