import { createServer, type TlsOptions } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import type { TransportFailure } from '../std/transport.ts'
import { classifyFailure } from './classify-failure.ts'
import { assertTlsVerification } from './dial.ts'
import { createUndiciTransport, type UndiciTransportOptions } from './undici-transport.ts'
import { httpAnswer, wallTarget } from './wall.ts'

// A key made for this test and used nowhere else, and three certificates of it.
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg//NPD3PwLmWsisTp
nnRCQCKhkPLRh0hUi4bMzpuT4R6hRANCAASSGvhjptYUF8yjusSsccwvOxLvKVnF
EKZ+mvXHUosfy0WmxVOnqk8nsjF/6VvKL9KYaEzKpKXY8H8LRgUhyW19
-----END PRIVATE KEY-----`
/** For localhost and 127.0.0.1, good for a hundred years. */
const GOOD = `-----BEGIN CERTIFICATE-----
MIIBkDCCATegAwIBAgIUTVQcKylcQYokFTXJqyDD2yeHKHkwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEd2FsbDAgFw0yNjExMjQwNzEyMjlaGA8yMTI2MTAzMTA3MTIy
OVowDzENMAsGA1UEAwwEd2FsbDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABJIa
+GOm1hQXzKO6xKxxzC87Eu8pWcUQpn6a9cdSix/LRabFU6eqTyeyMX/pW8ov0pho
TMqkpdjwfwtGBSHJbX2jbzBtMB0GA1UdDgQWBBRDPZ5Ql8MOXdxC/1Nb4QFW8GVB
xDAfBgNVHSMEGDAWgBRDPZ5Ql8MOXdxC/1Nb4QFW8GVBxDAPBgNVHRMBAf8EBTAD
AQH/MBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAKBggqhkjOPQQDAgNHADBE
AiAy11hcGypMbcafBzkwCJcN7hBit2JP2wXwMgs+WLKk9wIgcbhpYPQXHPxt1p50
RtxWgEUGOg4tl3GnFSXzhPbMG+g=
-----END CERTIFICATE-----`
/** For another host. */
const OTHER_HOST = `-----BEGIN CERTIFICATE-----
MIIBjjCCATSgAwIBAgIUdI2skNfc3TSzE4jKahsaLK2H+EMwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFb3RoZXIwIBcNMjYxMTI0MDcxMjI5WhgPMjEyNjEwMzEwNzEy
MjlaMBAxDjAMBgNVBAMMBW90aGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
khr4Y6bWFBfMo7rErHHMLzsS7ylZxRCmfpr1x1KLH8tFpsVTp6pPJ7Ixf+lbyi/S
mGhMyqSl2PB/C0YFIcltfaNqMGgwHQYDVR0OBBYEFEM9nlCXww5d3EL/U1vhAVbw
ZUHEMB8GA1UdIwQYMBaAFEM9nlCXww5d3EL/U1vhAVbwZUHEMA8GA1UdEwEB/wQF
MAMBAf8wFQYDVR0RBA4wDIIKb3RoZXIudGVzdDAKBggqhkjOPQQDAgNIADBFAiEA
xAntnYCP91Pc5EOuLg2IRNCB0Bc1Jqk+cvzGIAesSv0CIAeXlkBdZPU539xYueln
S7hRaX12NaAvRLNftsuxYkSC
-----END CERTIFICATE-----`
/** Ended with the year 2020. */
const EXPIRED = `-----BEGIN CERTIFICATE-----
MIIBWzCCAQGgAwIBAgIBATAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDAR3YWxsMB4X
DTIwMDEwMTAwMDAwMFoXDTIxMDEwMTAwMDAwMFowDzENMAsGA1UEAwwEd2FsbDBZ
MBMGByqGSM49AgEGCCqGSM49AwEHA0IABJIa+GOm1hQXzKO6xKxxzC87Eu8pWcUQ
pn6a9cdSix/LRabFU6eqTyeyMX/pW8ov0phoTMqkpdjwfwtGBSHJbX2jTjBMMBoG
A1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAPBgNVHRMBAf8EBTADAQH/MB0GA1Ud
DgQWBBRDPZ5Ql8MOXdxC/1Nb4QFW8GVBxDAKBggqhkjOPQQDAgNIADBFAiB43c5J
xJVcTwlPFYDALb+R0WPOWDBQ5P1Y6yhy/G/9QAIhALdykTUrc49SqZbJKWWur2kj
ozhEUlZLWxdCvARc4a7U
-----END CERTIFICATE-----`

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
