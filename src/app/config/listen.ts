/** Where to listen: parsed, and refused where it would serve the network without asking who is there. */

import { isLoopbackHost } from '../../providers/local-address.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export type ParsedListen =
  | { readonly type: 'address'; readonly address: ListenAddress }
  | { readonly type: 'fault'; readonly message: string }

const howToWrite = 'write host:port, such as 127.0.0.1:4141'

/** `host:port`, `[v6]:port`, or a port alone, which means loopback. */
export function parseListen(value: string | number): ParsedListen {
  const text = String(value).trim()
  if (/^\d+$/.test(text)) return withPort('127.0.0.1', text)
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d+)$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  if (host === undefined) {
    const reason = /^:\d+$/.test(text) ? 'has no host' : 'is not an address to listen on'
    return { type: 'fault', message: `${reason}: ${howToWrite}` }
  }
  return withPort(host, match?.[3] ?? '')
}

/** Why this address may not be listened on with these keys; `undefined` where it may. */
export function whyNotListen({ host }: ListenAddress, keyCount: number): string | undefined {
  if (keyCount > 0 || isLoopbackHost(host)) return undefined
  return 'reaches beyond this machine and no client keys are configured, so anyone could spend your credentials: add "keys: [{ name: me, key: "${MY_KEY}" }]", or listen on 127.0.0.1'
}

function withPort(host: string, digits: string): ParsedListen {
  const port = Number(digits)
  if (digits.length > 5 || port > 65_535) return { type: 'fault', message: 'has a port beyond 65535' }
  return { type: 'address', address: { host, port } }
}
