import { createServer, type TlsOptions } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import type { TransportFailure } from '../std/transport.ts'
import { classifyFailure } from './classify-failure.ts'
import { EXPIRED, GOOD, KEY, OTHER_HOST } from './certificates.test-support.ts'
import { assertTlsVerification } from './dial.ts'
import { createUndiciTransport, type UndiciTransportOptions } from './undici-transport.ts'
import { httpAnswer, wallTarget } from './wall.ts'

async function ask(server: TlsOptions, options: UndiciTransportOptions): Promise<TransportFailure | number> {
  const transport = createUndiciTransport(options)
  const listening = createServer({ key: KEY, ...server }, (socket) => {
    socket.on('error', () => undefined)
    socket.on('data', () => socket.end(httpAnswer(200, '{}')))
  })
  listening.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => {
    listening.listen(0, '127.0.0.1', resolve)
  })
  // Sound: a listening TCP server has an address of this shape.
  const { port } = listening.address() as AddressInfo
  try {
    return await new Promise((resolve) => {
      let status = 0
      const request = {
        origin: `https://127.0.0.1:${port}`,
        path: '/',
        method: 'GET',
        headers: {},
        connectMs: 5_000,
      } as const
      transport.send(request, {
        onSend: () => undefined,
        onHeaders: (given) => {
          status = given
        },
        onData: () => undefined,
        onEnd: () => resolve(status),
        onFailure: resolve,
      })
    })
  } finally {
    await transport.close()
    listening.close()
  }
}

describe('the dialer over TLS', () => {
  test('talks to a server whose certificate is trusted', async () => {
    expect(await ask({ cert: GOOD }, { trustedCertificates: [GOOD] })).toBe(200)
  })

  test.each([
    ['self-signed', { cert: GOOD }, {}, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    [
      'for another host',
      { cert: OTHER_HOST },
      { trustedCertificates: [OTHER_HOST] },
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    ['expired', { cert: EXPIRED }, { trustedCertificates: [EXPIRED] }, 'CERT_HAS_EXPIRED'],
  ])('fault 6: a certificate that is %s ends in upstream_tls', async (_name, server, options, code) => {
    const failure = await ask(server, options)
    expect(failure).toMatchObject({ phase: 'connect', code })
    if (typeof failure === 'number') throw new Error('it was trusted')
    expect(classifyFailure(failure, wallTarget('https://x')).code).toBe('upstream_tls')
  })

  test('fault 6, SEC-8: a server that only speaks TLS 1.1 is not talked down to', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    const failure = await ask({ cert: GOOD, ...old }, { trustedCertificates: [GOOD] })
    expect(failure).toMatchObject({ phase: 'connect' })
    if (typeof failure === 'number') throw new Error('it was talked to')
    expect(['upstream_tls', 'upstream_unreachable']).toContain(
      classifyFailure(failure, wallTarget('https://x')).code,
    )
  })
})

describe('SEC-8: certificate checks', () => {
  test('cannot be switched off by the environment: the start is refused', () => {
    expect(() => assertTlsVerification({ NODE_TLS_REJECT_UNAUTHORIZED: '0' })).toThrow(/NODE_EXTRA_CA_CERTS/)
    expect(() => assertTlsVerification({ NODE_TLS_REJECT_UNAUTHORIZED: '1' })).not.toThrow()
    expect(() => assertTlsVerification({})).not.toThrow()
  })

  test('hold even where the environment is switched behind our back', async () => {
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    // Node warns of what is tried here; the output of the tests stays readable.
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const asking = ask({ cert: GOOD }, {})
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      expect(await asking).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
      expect(() => createUndiciTransport()).toThrow(/NODE_TLS_REJECT_UNAUTHORIZED/)
    } finally {
      warning.mockRestore()
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
    }
  })
})
