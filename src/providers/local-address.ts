/** Whether an address is the operator's own machine or network: slower limits apply there, and no key is normal. */

import { BlockList, isIP } from 'node:net'

/** Loopback, private and link-local hosts, and the names that containers and home networks use for them. */
export function isLocalAddress(url: string): boolean {
  const host = hostOf(url)
  if (host === undefined) return false
  const version = isIP(host)
  if (version !== 0) return localNetworks.check(host, version === 4 ? 'ipv4' : 'ipv6')
  return !host.includes('.') || localSuffixes.some((suffix) => host.endsWith(suffix))
}

/** Loopback only: what never leaves the machine. */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase()
  const version = isIP(bare)
  if (version !== 0) return loopback.check(bare, version === 4 ? 'ipv4' : 'ipv6')
  return bare === 'localhost' || bare.endsWith('.localhost')
}

const localSuffixes = ['.localhost', '.local', '.internal', '.lan', '.home.arpa', '.svc', '.cluster.local']

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

const localNetworks = new BlockList()
for (const [net, prefix] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
] as const) {
  localNetworks.addSubnet(net, prefix, 'ipv4')
}
for (const [net, prefix] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  localNetworks.addSubnet(net, prefix, 'ipv6')
}

function hostOf(url: string): string | undefined {
  try {
    return new URL(url).hostname.replace(/^\[|\]$/g, '').toLowerCase()
  } catch {
    return undefined
  }
}
