import { describe, expect, test } from 'vitest'
import { isBlockedAddress, isBlockedHost } from './blocked-address.ts'

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
