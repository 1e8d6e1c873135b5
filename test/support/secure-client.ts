/** A client over TLS that says what certificate it was shown. */

import { once } from 'node:events'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import { EXPIRED, GOOD, OTHER_HOST } from '../../src/upstream/certificates.test-support.ts'

export interface SecureClient {
  readonly socket: TLSSocket
  /** Whom the certificate that was shown is for. */
  readonly subject: string
  send(text: string): void
  /** Resolves with all text as soon as it contains `part`; rejects if the connection closes first. */
  until(part: string): Promise<string>
}

/** Connects to a server on loopback by any name that the certificates for tests are for; closed with the test. */
export async function openSecureClient(port: number, options: ConnectionOptions = {}): Promise<SecureClient> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca: [GOOD, OTHER_HOST, EXPIRED],
    checkServerIdentity: () => undefined,
    ...options,
  })
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (chunk: Buffer) => void (text += chunk.toString()))
  await once(socket, 'secureConnect')
  return {
    socket,
    subject: String(socket.getPeerCertificate().subject.CN),
    send: (bytes) => void socket.write(bytes),
    async until(part) {
      while (!text.includes(part)) {
        if (socket.destroyed) throw new Error(`it was closed first: ${text}`)
        await Promise.race([once(socket, 'data'), once(socket, 'close')])
      }
      return text
    },
  }
}
