/** The gateway's own certificate in files that are replaced, well and badly, while it runs. */

import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { EXPIRED, GOOD, KEY, OTHER_HOST } from '../../src/upstream/certificates.test-support.ts'
import { runToEnd, simulated, startProcess } from '../support/gateway-process.ts'
import { openSecureClient } from '../support/secure-client.ts'

/** How soon files that were replaced count, ms; far more than it takes, for machines that are busy. */
const SOON_MS = 15_000
const ASK = 'GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n'

test('fault 143: an ended certificate is told; a newer one is served without a restart, a broken one is not, and no connection is closed', async () => {
  await using gateway = await startProcess({
    config: { ...simulated, tls: { cert: 'chain.pem', key: 'key.pem' } },
    prepare: (folder) => {
      writeFileSync(join(folder, 'chain.pem'), EXPIRED)
      writeFileSync(join(folder, 'key.pem'), KEY)
    },
  })
  const put = (name: string, text: string) => writeFileSync(join(gateway.folder, name), text)
  /** Whose certificate it shows, or why a client would not believe it. */
  const shown = () =>
    openSecureClient(gateway.port).then(
      ({ subject }) => subject,
      (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
    )
  const soon = (expectation: () => Promise<void> | void) =>
    vi.waitFor(expectation, { timeout: SOON_MS, interval: 100 })
  const notices = (notice: string) => gateway.linesLike({ notice })
  const statusOf = () => runToEnd({ command: 'status', words: ['--url', gateway.adminUrl] })
  const metrics = async () => (await fetch(`${gateway.adminUrl}/metrics`)).text()

  expect(gateway.url).toBe(`https://127.0.0.1:${gateway.port}`)
  expect(await gateway.line({ notice: 'certificate_ended' })).toMatchObject({ level: 'error' })
  expect(await metrics()).toMatch(/^holdfast_tls_certificate_end_timestamp_seconds 1609459200$/m)
  const told = await statusOf()
  expect([told.code, told.stdout]).toEqual([1, expect.stringContaining('certificate ended')])
  expect(await shown()).toBe('CERT_HAS_EXPIRED')

  put('chain.pem', GOOD)
  await soon(async () => expect(await shown()).toBe('wall'))
  const first = await openSecureClient(gateway.port)
  // A connection that has asked before may be idle for longer than all of this takes.
  first.send(ASK)
  await first.until('\r\n\r\n')
  expect(await metrics()).toMatch(/^holdfast_tls_certificate_end_timestamp_seconds 4\d{9}$/m)
  const well = await statusOf()
  expect([well.code, well.stdout]).toEqual([0, expect.stringContaining('certificate good for')])
  expect(notices('config_rejected')).toEqual([])

  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  put('key.pem', privateKey.export({ format: 'pem', type: 'pkcs8' }))
  await soon(() => expect(notices('certificate_rejected')).toHaveLength(1))
  expect(notices('certificate_rejected')[0]).toMatchObject({
    level: 'error',
    msg: expect.stringContaining('"key.pem" is not the key of "chain.pem"'),
  })
  expect(await shown()).toBe('wall')

  put('chain.pem', OTHER_HOST)
  put('key.pem', KEY)
  await soon(async () => expect(await shown()).toBe('other'))
  first.send(ASK)
  await vi.waitFor(async () => expect((await first.until('HTTP')).match(/HTTP\/1\.1 200 /g)).toHaveLength(2))
  expect(gateway.printed()).not.toContain('PRIVATE KEY')
})

test('fault 143: a broken pair keeps no change of the file from coming into force, and a broken file no newer pair', async () => {
  const keys = [
    { name: 'good', key: 'key-that-stays-0123456789' },
    { name: 'lost', key: 'key-to-revoke-0123456789' },
  ]
  const config = (more: object) => ({
    ...simulated,
    tls: { cert: 'chain.pem', key: 'key.pem' },
    keys,
    ...more,
  })
  await using gateway = await startProcess({
    config: config({}),
    prepare: (folder) => {
      writeFileSync(join(folder, 'chain.pem'), GOOD)
      writeFileSync(join(folder, 'key.pem'), KEY)
    },
  })
  const put = (name: string, text: string) => writeFileSync(join(gateway.folder, name), text)
  const soon = (expectation: () => Promise<void> | void) =>
    vi.waitFor(expectation, { timeout: SOON_MS, interval: 100 })
  const shown = async () => {
    const { subject, socket } = await openSecureClient(gateway.port)
    socket.destroy()
    return subject
  }
  const statusWith = async (key: string | undefined) => {
    const client = await openSecureClient(gateway.port)
    client.send(`GET /v1/models HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\n\r\n`)
    const answer = await client.until('\r\n\r\n')
    client.socket.destroy()
    return answer.slice(9, 12)
  }
  const notices = (notice: string) => gateway.linesLike({ notice })
  expect(await statusWith(keys[1]?.key)).toBe('200')

  put('chain.pem', GOOD.slice(0, 300))
  gateway.write(config({ keys: keys.slice(0, 1) }))
  await soon(async () => expect(await statusWith(keys[1]?.key)).toBe('401'))
  expect([await statusWith(keys[0]?.key), await shown()]).toEqual(['200', 'wall'])
  await soon(() => expect(notices('certificate_rejected').length).toBeGreaterThan(0))
  expect(notices('certificate_rejected')[0]).toMatchObject({
    level: 'error',
    msg: expect.stringContaining('tls.cert: "chain.pem" holds no certificate'),
  })
  expect(notices('config_rejected')).toEqual([])

  gateway.write(config({ keys, routes: { smart: { targets: ['nobody/m'] } } }))
  await soon(() => expect(notices('config_rejected').length).toBeGreaterThan(0))
  put('chain.pem', OTHER_HOST)
  await soon(async () => expect(await shown()).toBe('other'))
  expect(await statusWith(keys[1]?.key)).toBe('401')

  // Not even the names of the files can be read in this one.
  gateway.write('listen: [')
  put('chain.pem', GOOD)
  await soon(async () => expect(await shown()).toBe('wall'))

  // And what was taken meanwhile stays where a later pair is broken.
  put('chain.pem', 'MIIB')
  gateway.write(config({ keys }))
  await soon(async () => expect(await statusWith(keys[1]?.key)).toBe('200'))
  expect(await shown()).toBe('wall')
})

test('fault 143: whether there is TLS at all is said at the start, and a reload says so', async () => {
  await using gateway = await startProcess({
    config: simulated,
    prepare: (folder) => {
      writeFileSync(join(folder, 'chain.pem'), GOOD)
      writeFileSync(join(folder, 'key.pem'), KEY)
    },
  })
  gateway.write({ ...simulated, tls: { cert: 'chain.pem', key: 'key.pem' } })
  expect(await gateway.line({ notice: 'config_needs_restart' })).toMatchObject({
    msg: expect.stringContaining('tls (whether there is any)'),
  })
  expect((await fetch(`${gateway.url}/v1/models`)).status).toBe(200)
  expect(await (await fetch(`${gateway.adminUrl}/metrics`)).text()).not.toContain('certificate')
})
