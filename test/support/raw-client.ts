/** A client that speaks raw bytes, so that a test decides every one of them and every pause between them. */

import { connect, type Socket } from 'node:net'

export interface RawClient {
  readonly socket: Socket
  /** Everything received so far. */
  readonly text: string
  send(bytes: string | Uint8Array): void
  /** Resolves with all text as soon as it contains `part`; rejects if the connection closes first. */
  until(part: string): Promise<string>
  /** Resolves with all text when the server has closed. `reset` tells whether it did so with an error. */
  closed(): Promise<{ readonly text: string; readonly reset: boolean }>
}

export interface RawClientOptions {
  readonly allowHalfOpen?: boolean
  /** The address it comes from: on Linux any of 127.0.0.0/8. */
  readonly from?: string
}

/** Connects to a server on loopback. */
export async function openRawClient(port: number, options: RawClientOptions = {}): Promise<RawClient> {
  const { allowHalfOpen = false, from } = options
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen, ...(from && { localAddress: from }) })
  let text = ''
  let isClosed = false
  let wasReset = false
  const watchers = new Set<() => void>()
  const wake = () => {
    for (const watcher of watchers) watcher()
  }
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    wake()
  })
  socket.on('error', () => {
    wasReset = true
  })
  socket.on('close', () => {
    isClosed = true
    wake()
  })
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  const waitFor = (isDone: () => boolean) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (isDone()) {
          watchers.delete(look)
          resolve()
        } else if (isClosed) {
          watchers.delete(look)
          reject(new Error(`the connection closed first; received: ${text.slice(0, 2_000)}`))
        }
      }
      watchers.add(look)
      look()
    })
  return {
    socket,
    get text() {
      return text
    },
    send: (bytes) => void socket.write(bytes),
    until: async (part) => {
      await waitFor(() => text.includes(part))
      return text
    },
    closed: async () => {
      await waitFor(() => isClosed)
      return { text, reset: wasReset }
    },
  }
}
