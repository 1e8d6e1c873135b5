import { describe, expect, test } from 'vitest'
import { isBlockedAddress, isBlockedHost, isSpecialAddress } from './blocked-address.ts'

/** As the transport sees it: a host that a URL has spelled its own way. */
function hostOf(written: string): string {
  return new URL(`http://${written}/`).hostname
}

describe('SEC-5: metadata addresses', () => {
  test.each([
    '169.254.169.254',
    '100.100.100.200',
    '169.254.170.2',
    '[fd00:ec2::254]',
    'metadata.google.internal',
    'METADATA.google.internal.',
  ])('refuses %s', (host) => {
    expect(isBlockedHost(hostOf(host))).toBe(true)
  })

  test.each([
    '127.0.0.1',
    '10.0.0.1',
    '192.168.1.20',
    '169.254.1.1',
    'api.openai.com',
    'localhost',
    '[::1]',
    '[fd00:ec2::1]',
  ])('leaves %s alone: private networks are the operator’s own', (host) => {
    expect(isBlockedHost(hostOf(host))).toBe(false)
  })
})

describe('SEC-6: other spellings of an address', () => {
  test.each([
    ['decimal', '2852039166'],
    ['hexadecimal', '0xa9fea9fe'],
    ['octal', '0251.0376.0251.0376'],
    ['mixed', '169.0xfe.43518'],
    ['short', '169.16689662'],
    ['with the root’s dot', '169.254.169.254.'],
    ['full-width digits', '１６９.254.169.254'],
    ['percent-encoded', '%31%36%39.254.169.254'],
    ['IPv4-mapped', '[::ffff:169.254.169.254]'],
    ['IPv4-mapped in hexadecimal', '[::ffff:a9fe:a9fe]'],
    ['IPv4-compatible', '[::169.254.169.254]'],
    ['translated', '[::ffff:0:169.254.169.254]'],
    ['NAT64', '[64:ff9b::169.254.169.254]'],
    ['local NAT64', '[64:ff9b:1::169.254.169.254]'],
    ['6to4', '[2002:a9fe:a9fe::1]'],
    ['Teredo', '[2001:0:1:2:3:4:5601:5601]'],
    ['long IPv6', '[fd00:0ec2:0000:0000:0000:0000:0000:0254]'],
  ])('refuses the %s form', (_name, host) => {
    expect(isBlockedHost(hostOf(host))).toBe(true)
  })

  test('looks past an IPv6 zone', () => {
    expect(isBlockedAddress('fd00:ec2::254%eth0')).toBe(true)
    expect(isBlockedAddress('fe80::1%eth0')).toBe(false)
  })

  test('what is no address is not blocked', () => {
    for (const text of ['', 'a', '::::', '1.2.3', '%', '[]']) expect(isBlockedAddress(text)).toBe(false)
  })
})

describe('SEC-2: addresses that no public server has', () => {
  /** The first and the last of each network, and what stands next to it on either side. */
  const networks: readonly (readonly [first: string, last: string, before: string, after: string])[] = [
    ['0.0.0.0', '0.255.255.255', '', '1.0.0.0'],
    ['10.0.0.0', '10.255.255.255', '9.255.255.255', '11.0.0.0'],
    ['100.64.0.0', '100.127.255.255', '100.63.255.255', '100.128.0.0'],
    ['127.0.0.0', '127.255.255.255', '126.255.255.255', '128.0.0.0'],
    ['169.254.0.0', '169.254.255.255', '169.253.255.255', '169.255.0.0'],
    ['172.16.0.0', '172.31.255.255', '172.15.255.255', '172.32.0.0'],
    ['192.0.0.0', '192.0.0.255', '191.255.255.255', '192.0.1.0'],
    ['192.0.2.0', '192.0.2.255', '192.0.1.255', '192.0.3.0'],
    ['192.168.0.0', '192.168.255.255', '192.167.255.255', '192.169.0.0'],
    ['198.18.0.0', '198.19.255.255', '198.17.255.255', '198.20.0.0'],
    ['198.51.100.0', '198.51.100.255', '198.51.99.255', '198.51.101.0'],
    ['203.0.113.0', '203.0.113.255', '203.0.112.255', '203.0.114.0'],
    ['224.0.0.0', '255.255.255.255', '223.255.255.255', ''],
    ['::', '::1', '', ''],
    ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db7:ffff::', '2001:db9::'],
    ['3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff', '3ffe:ffff::', '3fff:1000::'],
    ['fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fbff::', 'fe00::'],
    ['fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fe7f::', ''],
    ['fec0::', 'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '', ''],
    ['ff00::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '', ''],
  ]

  test.each(networks)('%s to %s, and neither %s nor %s', (first, last, before, after) => {
    expect([first, last].map(isSpecialAddress)).toEqual([true, true])
    for (const beside of [before, after].filter(Boolean))
      expect([beside, isSpecialAddress(beside)]).toEqual([beside, false])
  })

  const spellings = {
    'IPv4-mapped': (ipv4: string) => `::ffff:${ipv4}`,
    'IPv4-compatible': (ipv4: string) => `::${ipv4}`,
    translated: (ipv4: string) => `::ffff:0:${ipv4}`,
    NAT64: (ipv4: string) => `64:ff9b::${ipv4}`,
    'local NAT64': (ipv4: string) => `64:ff9b:1::${ipv4}`,
    '6to4': (ipv4: string) => `2002:${hexOf(ipv4, 0)}::1`,
    Teredo: (ipv4: string) => `2001:0:1:2:3:4:${hexOf(ipv4, 0xffff)}`,
    'with a zone': (ipv4: string) => `::ffff:${ipv4}%eth0`,
  }

  function hexOf(ipv4: string, mask: number): string {
    const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number)
    return [a * 256 + b, c * 256 + d].map((group) => (group ^ mask).toString(16)).join(':')
  }

  test.each(Object.entries(spellings))(
    'inside an IPv6 address, %s; a public one there is public',
    (_name, spell) => {
      for (const ipv4 of ['127.0.0.1', '10.1.2.3', '100.64.0.1', '169.254.1.1', '192.168.0.1', '198.18.0.1'])
        expect([ipv4, isSpecialAddress(spell(ipv4))]).toEqual([ipv4, true])
      expect(isSpecialAddress(spell('93.184.215.14'))).toBe(false)
    },
  )

  test('a public address is none, nor what is no address', () => {
    for (const address of [
      '8.8.8.8',
      '104.18.7.192',
      '2606:4700::6812:7c0',
      '2a00:1450::1',
      '',
      'x',
      '1.2.3',
    ])
      expect([address, isSpecialAddress(address)]).toEqual([address, false])
  })
})
