/** How a gateway is reached from the machine it runs on. */

import type { HoldfastConfig } from '../app/config/config.ts'

export function gatewayUrl({ host, port }: { readonly host: string; readonly port: number }): string {
  return `http://${bracketed(reachable(host))}:${port}`
}

/** Where its clients reach it: over TLS by a name that its certificate proves, since they would refuse it by another. */
export function clientUrl({ listen, shown }: Pick<HoldfastConfig, 'listen' | 'shown'>): string {
  if (shown === undefined) return gatewayUrl(listen)
  const name = shown.names.find((one) => !one.startsWith('*')) ?? reachable(listen.host)
  return `https://${bracketed(name)}:${listen.port}`
}

function reachable(host: string): string {
  return host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
