/**
 * The addresses no provider may have, whatever the configuration says: the metadata services of clouds hand out
 * credentials to whoever can reach them (SEC-5). And those that no public server has: a name that was public must not
 * come to be one (SEC-2). Every spelling of an address is reduced to one before it is judged.
 */

import { BlockList, isIP } from 'node:net'

/** AWS, Google, Azure and Oracle; AWS's credentials for containers and pods; Alibaba; Azure's host agent. */
const METADATA_IPV4 = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
])

/** The same services over IPv6: AWS, AWS's pods, Google. */
const METADATA_IPV6 = new Set(['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254'])

const METADATA_NAMES = new Set(['metadata.google.internal', 'metadata.goog', 'instance-data.ec2.internal'])

/** Judges a host as a WHATWG URL spells it: decimal, octal and hex forms of an address are already undone there (SEC-6). */
export function isBlockedHost(hostname: string): boolean {
  const host = plainHost(hostname)
  return METADATA_NAMES.has(host) || isBlockedAddress(host)
}

/** Judges an address that a name resolved to, or a literal. What is no address is not blocked. */
export function isBlockedAddress(address: string): boolean {
  const bare = withoutZone(address)
  const family = isIP(bare)
  if (family === 4) return METADATA_IPV4.has(bare)
  return family === 6 && isBlockedIpv6(bare)
}

/**
 * Whether an address that a name resolved to is no server of the public network: this machine, one of its networks, or
 * what is set apart for tests, documentation, many receivers or the future (SEC-2). An IPv4 address inside an IPv6 one
 * is judged as itself: behind NAT64 every public server has such an address.
 */
export function isSpecialAddress(address: string): boolean {
  const bare = withoutZone(address)
  const family = isIP(bare)
  if (family === 4) return specialNetworks.check(bare, 'ipv4')
  if (family !== 6) return false
  const canonical = canonicalIpv6(bare)
  return (
    specialNetworks.check(canonical, 'ipv6') ||
    embeddedIpv4(ipv6Groups(canonical)).some((ipv4) => specialNetworks.check(ipv4, 'ipv4'))
  )
}

/**
 * Of the network that is set apart for measuring (RFC 2544), which no machine of anybody's has: transparent proxies on a
 * client's own machine answer for every name with one of it, and take it back for the name as the connection is made.
 */
export function isStandIn(address: string): boolean {
  return isIP(address) === 4 && standIns.check(address, 'ipv4')
}

const standIns = new BlockList()
standIns.addSubnet('198.18.0.0', 15, 'ipv4')

const specialNetworks = new BlockList()
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  specialNetworks.addSubnet(net, prefix, 'ipv4')
}
for (const [net, prefix] of [
  ['::', 128],
  ['::1', 128],
  ['2001:db8::', 32],
  ['3fff::', 20],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const) {
  specialNetworks.addSubnet(net, prefix, 'ipv6')
}

/** Lower case, without brackets or the root's dot. */
export function plainHost(hostname: string): string {
  const host = hostname.toLowerCase().replace(/\.$/, '')
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}

function withoutZone(address: string): string {
  const at = address.indexOf('%')
  return at === -1 ? address : address.slice(0, at)
}

function isBlockedIpv6(address: string): boolean {
  const canonical = canonicalIpv6(address)
  if (METADATA_IPV6.has(canonical)) return true
  return embeddedIpv4(ipv6Groups(canonical)).some((ipv4) => METADATA_IPV4.has(ipv4))
}

function canonicalIpv6(address: string): string {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1)
}

/** The eight 16-bit groups of a canonical IPv6 address. */
function ipv6Groups(canonical: string): readonly number[] {
  const [head = '', tail] = canonical.split('::')
  const left = hexGroups(head)
  if (tail === undefined) return left
  const right = hexGroups(tail)
  const gap = Array.from({ length: 8 - left.length - right.length }, () => 0)
  return [...left, ...gap, ...right]
}

function hexGroups(text: string): readonly number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}

/** Every IPv4 address an IPv6 address may stand for: mapped, compatible, translated, NAT64, 6to4, Teredo. */
function embeddedIpv4(groups: readonly number[]): readonly string[] {
  const [g0 = 0, g1 = 0, g2 = 0, g3 = 0, g4 = 0, g5 = 0, g6 = 0, g7 = 0] = groups
  const isMapped = (g0 | g1 | g2 | g3) === 0 && (g4 === 0 || g4 === 0xffff) && (g5 === 0 || g5 === 0xffff)
  if (isMapped || (g0 === 0x64 && g1 === 0xff9b)) return [dotted(g6, g7)]
  if (g0 === 0x2002) return [dotted(g1, g2)]
  if (g0 === 0x2001 && g1 === 0) return [dotted(g6 ^ 0xffff, g7 ^ 0xffff)]
  return []
}

function dotted(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}
