import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openRawClient, type RawClient } from '../../test/support/raw-client.ts'
import { startServer } from '../../test/support/http-server.ts'

const starvedServer = fileURLToPath(new URL('../../test/support/starved-server.ts', import.meta.url))
/** Enough for Node itself and about twenty connections. */
const DESCRIPTORS = 48

function startStarved() {
  const child = spawn('sh', [
    '-c',
    `ulimit -n ${DESCRIPTORS}; exec "$0" "$1"`,
    process.execPath,
    starvedServer,
  ])
  onTestFinished(() => void child.kill())
  const lines: string[] = []
  let rest = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
  const line = async (part: string) => {
    await expect.poll(() => lines.find((each) => each.includes(part))).toBeDefined()
  }
  return { child, lines, line }
}

test.skipIf(process.platform === 'win32')(
  'fault 139: without free descriptors the server says so, lives on, and recovers',
  async () => {
    const { child, lines, line } = startStarved()
    await line('port')
    const { port } = JSON.parse(lines[0] ?? '') as { port: number } // The first line is the port.
    const clients: RawClient[] = []
    for (let opened = 0; opened < 80; opened += 1) clients.push(await openRawClient(port))
    await line('accept_failed')
    expect(lines.filter((each) => each.includes('accept_failed'))).toHaveLength(1)
    for (const client of clients) client.socket.destroy()
    await expect.poll(() => statusOf(port)).toBe(200)
    expect(child.exitCode).toBeNull()
  },
)

const statusOf = (port: number) =>
  fetch(`http://127.0.0.1:${port}/livez`).then(
    ({ status }) => status,
    () => 0,
  )

describe('fault 104: more connections than the bound', () => {
  test('are closed on arrival while the others are served', async () => {
    const { port, notices } = await startServer({ limits: { connections: 3 } })
    const held = await Promise.all([1, 2, 3].map(() => openRawClient(port)))
    const extra = await Promise.all([1, 2, 3, 4].map(() => openRawClient(port)))
    await Promise.all(extra.map((client) => client.closed()))
    expect(notices).toMatchObject([{ name: 'accept_failed', facts: { code: 'connections_max' } }])
    held[0]?.send('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n')
    expect(await held[0]?.until('alive')).toMatch(/^HTTP\/1\.1 200 /)
    held[0]?.socket.destroy()
    await expect.poll(() => statusOf(port)).toBe(200)
  })

  test.skipIf(process.platform !== 'linux')(
    'of one address are closed on arrival, while those of other addresses are served',
    async () => {
      const { port, notices } = await startServer({ limits: { connectionsPerAddress: 3 } })
      const held = await Promise.all([1, 2, 3].map(() => openRawClient(port)))
      const extra = await Promise.all([1, 2, 3, 4].map(() => openRawClient(port)))
      await Promise.all(extra.map((client) => client.closed()))
      expect(notices).toMatchObject([
        { level: 'warn', name: 'address_full', facts: { address: '127.0.0.1', count: 1 } },
      ])
      const others = await Promise.all(
        ['127.0.0.2', '127.0.0.3', '127.0.0.3'].map((from) => openRawClient(port, { from })),
      )
      for (const client of [...others, ...held]) {
        client.send('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n')
        expect(await client.until('alive')).toMatch(/^HTTP\/1\.1 200 /)
      }
      held[0]?.socket.destroy()
      await expect.poll(() => statusOf(port)).toBe(200)
      for (const { socket } of [...others, ...held]) socket.destroy()
    },
  )

  test('of one address are all there may be where it has no bound of its own', async () => {
    const { port, notices } = await startServer({ limits: { connections: 3, connectionsPerAddress: false } })
    const held = await Promise.all([1, 2, 3].map(() => openRawClient(port)))
    const extra = await openRawClient(port)
    await extra.closed()
    expect(notices.map(({ name }) => name)).toEqual(['accept_failed'])
    for (const { socket } of held) socket.destroy()
  })
})
