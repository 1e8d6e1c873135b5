/** Forms too large for memory: in a process of its own, whose memory can be looked at. */

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { startProcess } from '../support/gateway-process.ts'
import { startOperationsUpstream } from '../support/operations-upstream.ts'

const MEGABYTE = 1024 * 1024

function configOf(origin: string, over: object = {}): object {
  const one = { dialect: 'openai-chat', baseUrl: `${origin}/v1`, credential: 'k'.repeat(20), models: ['m'] }
  return { discover: false, providers: { one }, ...over }
}

const HEAD = Buffer.from('--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n')
const tail = (model: string) =>
  Buffer.from(`\r\n--b\r\ncontent-disposition: form-data; name="model"\r\n\r\n${model}\r\n--b--\r\n`)

function sound(bytes: number): Buffer {
  const made = Buffer.alloc(bytes)
  for (let at = 0; at + 4 <= bytes; at += 4) made.writeUInt32LE((at * 2_654_435_761) >>> 0, at)
  return made
}

function send(url: string, file: Buffer): Promise<Response> {
  return fetch(`${url}/v1/audio/transcriptions`, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: Buffer.concat([HEAD, file, tail('one/m')]),
  })
}

function connectTo(port: number) {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined)
  return { socket, closed: new Promise((resolve) => socket.once('close', resolve)) }
}

/** The test's own time limit is the bound. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

/** A line of Linux's account of a process, bytes. */
function memory(pid: number | undefined, line: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${line}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1_024
}

function openParts(pid: number | undefined): readonly string[] {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).flatMap((name) => {
    try {
      const target = readlinkSync(`${folder}/${name}`)
      return target.includes('.part') ? [target] : []
    } catch {
      return []
    }
  })
}

const hasProc = existsSync('/proc/self/status')

describe.skipIf(!hasProc)('a form of many megabytes (needs /proc)', () => {
  test('reaches the provider byte for byte, and memory does not grow with it', async () => {
    await using upstream = await startOperationsUpstream()
    await using gateway = await startProcess({ config: configOf(upstream.origin) })
    // The first brings the process to its usual size.
    await send(gateway.url, sound(20 * MEGABYTE))
    const before = memory(gateway.child.pid, 'VmRSS')
    const file = sound(120 * MEGABYTE)
    const answer = await send(gateway.url, file)
    expect(answer.status).toBe(200)
    const sent = createHash('sha256').update(HEAD).update(file).update(tail('m')).digest('hex')
    expect(upstream.last.sha256).toBe(sent)
    expect(upstream.last.headers['content-length']).toBe(String(upstream.last.bodyBytes))
    expect(memory(gateway.child.pid, 'VmHWM') - before).toBeLessThan(60 * MEGABYTE)
    expect(openParts(gateway.child.pid)).toEqual([])
  })

  test('leaves nothing on disk when its client leaves in the middle of it', async () => {
    await using upstream = await startOperationsUpstream()
    await using gateway = await startProcess({ config: configOf(upstream.origin) })
    const { socket, closed } = connectTo(gateway.port)
    socket.write(
      'POST /v1/files HTTP/1.1\r\nhost: test\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: 9000000\r\n\r\n',
    )
    socket.write(Buffer.concat([HEAD, sound(4 * MEGABYTE)]))
    await until(() => openParts(gateway.child.pid).length === 1)
    socket.destroy()
    await closed
    await until(() => openParts(gateway.child.pid).length === 0)
    const line = await gateway.line({ state: 'client_gone' })
    expect(line).toMatchObject({ code: 'client_gone' })
    expect(upstream.asked.filter(({ method }) => method === 'POST')).toEqual([])
  })
})

test('a disk that takes nothing is said as that, and may be tried again', async () => {
  await using upstream = await startOperationsUpstream()
  await using gateway = await startProcess({
    config: configOf(upstream.origin),
    env: { TMPDIR: '/dev/null/nowhere' },
  })
  const small = await send(gateway.url, sound(1_000))
  expect(small.status).toBe(200)
  const large = await send(gateway.url, sound(2 * MEGABYTE))
  expect(large.status).toBe(503)
  expect(large.headers.get('retry-after')).not.toBeNull()
  expect(await large.text()).toContain('no room left on disk')
})
