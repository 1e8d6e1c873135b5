import { describe, expect, test } from 'vitest'
import { formatFault } from './fault.ts'
import { loadConfig } from './load-config.ts'

const load = (text: string, admin?: string) =>
  loadConfig({ text: `discover: false\n${text}`, env: {}, ...(admin === undefined ? {} : { admin }) })
const adminOf = (text: string, admin?: string) => {
  const loaded = load(text, admin)
  if (!loaded.ok) throw new Error(loaded.faults.map(formatFault).join('\n'))
  return loaded.config.admin
}
const faultsOf = (text: string, admin?: string) => {
  const loaded = load(text, admin)
  return loaded.ok ? [] : loaded.faults.map(formatFault)
}

describe('the admin listener', () => {
  test('is on 127.0.0.1:4142, as an address nobody asked for', () => {
    expect(adminOf('')).toEqual({ host: '127.0.0.1', port: 4142, isNamed: false })
    expect(adminOf('admin: {}')).toEqual({ host: '127.0.0.1', port: 4142, isNamed: false })
  })

  test.each([
    ['127.0.0.1:9000', '127.0.0.1', 9000],
    ['"[::1]:0"', '::1', 0],
    ['localhost:1', 'localhost', 1],
    ['4142', '127.0.0.1', 4142],
  ])('is where the file says: %s', (written, host, port) => {
    expect(adminOf(`admin: { listen: ${written} }`)).toEqual({ host, port, isNamed: true })
  })

  test('is none where the file or the command line says so', () => {
    expect(adminOf('admin: false')).toBeUndefined()
    expect(adminOf('admin: { listen: 127.0.0.1:9000 }', 'off')).toBeUndefined()
  })

  test('is where the command line says, whatever the file does', () => {
    expect(adminOf('admin: false', '127.0.0.1:0')).toEqual({ host: '127.0.0.1', port: 0, isNamed: true })
  })

  test.each(['0.0.0.0:4142', '"[::]:4142"', '192.168.1.4:4142', 'gateway.example:4142'])(
    'SEC-16: is refused beyond loopback: %s',
    (written) => {
      expect(faultsOf(`admin: { listen: ${written} }`).join('\n')).toMatch(
        /holdfast\.yaml:2:18: admin\.listen: ".*" reaches beyond this machine, where \/status, \/metrics and \/explain would be open/,
      )
      expect(faultsOf(`keys: [{ name: a, key: sk-9f8e7d6c5b4a39281706f5e4d3c2b1a0 }]`, '0.0.0.0:1')).toEqual([
        expect.stringContaining('--admin: "0.0.0.0:1" reaches beyond this machine'),
      ])
    },
  )

  test.each([
    ['admin: true', '2:8: admin: must be false, or hold the one field "listen"'],
    ['admin: { lisen: 4142 }', '2:10: admin has no field "lisen"; did you mean "listen"?'],
    ['admin: { listen: ":4142" }', 'admin.listen: ":4142" has no host'],
  ])('%s is a fault', (text, message) => {
    expect(faultsOf(text).join('\n')).toContain(message)
  })
})
