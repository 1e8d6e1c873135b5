import { describe, expect, test } from 'vitest'
import { AddressCounts } from './address-counts.ts'

describe('fault 104: the connections of one address', () => {
  test('are bounded, whatever others have, and are counted anew when they are given back', () => {
    const counts = new AddressCounts(2)
    const [first] = [counts.take('10.0.0.1'), counts.take('10.0.0.1')]
    expect(counts.take('10.0.0.1')).toBeUndefined()
    expect(counts.take('10.0.0.2')).toBeDefined()
    counts.giveBack(first ?? '')
    expect([counts.take('10.0.0.1'), counts.take('10.0.0.1')]).toEqual([first, undefined])
  })

  test.each([
    ['10.0.0.1', '::ffff:10.0.0.1', 'an IPv4 address seen by a listener of both families'],
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', 'a network of IPv6, which one customer has whole'],
    ['fe80::1%eth0', 'fe80::2%eth1', 'the network of a link'],
  ])('of %s and %s are counted together: %s', (one, other) => {
    const counts = new AddressCounts(1)
    expect(counts.take(one)).toBeDefined()
    expect(counts.take(other)).toBeUndefined()
    expect(counts.take('2001:db8:1:3::1')).toBeDefined()
  })

  test('are forgotten with the last of them', () => {
    const counts = new AddressCounts(3)
    const sources = ['10.0.0.1', '10.0.0.1', '::1', undefined].map((address) => counts.take(address))
    expect(counts.size).toBe(3)
    for (const source of sources) counts.giveBack(source ?? '')
    expect(counts.size).toBe(0)
  })
})
