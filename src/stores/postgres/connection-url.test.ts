import { describe, expect, test } from 'vitest'
import { readConnectionUrl } from './connection-url.ts'

function addressOf(url: string, readFile = (_path: string) => 'PEM') {
  const read = readConnectionUrl(url, readFile)
  if (read.type === 'refused') throw new Error(read.reason)
  return read.address
}

function refusalOf(url: string, readFile?: (path: string) => string): string {
  const read = readConnectionUrl(url, readFile)
  return read.type === 'refused' ? read.reason : 'it was read'
}

describe('the address of a database', () => {
  test('is read in all its parts, with what is escaped in them', () => {
    expect(addressOf('postgres://a%40b:p%2Fw@db.example:6543/the%20books')).toEqual({
      host: 'db.example',
      port: 6_543,
      user: 'a@b',
      password: 'p/w',
      database: 'the books',
      tls: { host: 'db.example', servername: 'db.example' },
      shown: 'db.example:6543/the books',
    })
    expect(addressOf('postgresql://[::1]')).toEqual({
      host: '::1',
      port: 5_432,
      user: 'holdfast',
      database: 'holdfast',
      tls: false,
      shown: '[::1]:5432/holdfast',
    })
  })

  test('SEC-8: another machine is spoken to over TLS with its certificate verified, unless the address says otherwise', () => {
    expect(addressOf('postgres://db.example/x').tls).toEqual({ host: 'db.example', servername: 'db.example' })
    expect(addressOf('postgres://db.example/x?sslmode=require').tls).toEqual({
      host: 'db.example',
      servername: 'db.example',
    })
    expect(addressOf('postgres://db.example/x?sslmode=verify-full&sslrootcert=/ca.pem').tls).toEqual({
      host: 'db.example',
      servername: 'db.example',
      ca: 'PEM',
    })
    expect(addressOf('postgres://db.example/x?sslmode=disable').tls).toBe(false)
    expect(addressOf('postgres://127.0.0.1/x').tls).toBe(false)
    expect(addressOf('postgres://localhost/x?sslmode=require').tls).toEqual({
      host: 'localhost',
      servername: 'localhost',
    })
    // Without the host an address would be compared with the name localhost.
    expect(addressOf('postgres://10.0.0.1/x').tls).toEqual({ host: '10.0.0.1' })
    expect(addressOf('postgres://[fd00::1]/x').tls).toEqual({ host: 'fd00::1' })
    // A name that only begins like an address of this machine.
    expect(addressOf('postgres://127.0.0.1.example/x').tls).not.toBe(false)
  })

  test.each(['allow', 'prefer', 'verify-ca', 'no-verify', ''])(
    'SEC-8: refuses sslmode "%s", which takes a certificate of anybody',
    (mode) => {
      expect(refusalOf(`postgres://db.example/x?sslmode=${mode}`)).toContain('use verify-full')
    },
  )

  test.each([
    ['not a URL', 'no postgres:// URL'],
    ['http://db.example/x', 'no postgres:// URL'],
    ['postgres:///x', 'names no host'],
    ['postgres://db.example/x?ssl=0', '"ssl"'],
    ['postgres://db.example/x?rejectUnauthorized=false', '"rejectUnauthorized"'],
  ])('refuses %s, and says why', (url, reason) => {
    expect(refusalOf(url)).toContain(reason)
  })

  test('refuses a certificate of an authority that cannot be read, and says which', () => {
    const reason = refusalOf('postgres://u:secret@db.example/x?sslrootcert=/no/such.pem')
    expect(reason).toContain('/no/such.pem')
    expect(reason).not.toContain('secret')
  })
})
