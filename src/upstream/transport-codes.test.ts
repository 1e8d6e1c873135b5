import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../errors/codes.ts'
import { classifyFailure } from './classify-failure.ts'
import { codeOf } from './transport-codes.ts'
import { wallTarget } from './wall.ts'

const V4 = '192.0.2.1'
const V6 = '2001:db8::1'

const refused = (code: string, address: string) =>
  Object.assign(new Error(`connect ${code} ${address}:443`), { code, address, syscall: 'connect' })

/** As Node has it: the code of all is that of the first. */
function all(...errors: readonly ReturnType<typeof refused>[]): Error {
  return Object.assign(new AggregateError(errors), { code: errors[0]?.code })
}

function judged(error: Error): readonly [string, ErrorCode] {
  const code = codeOf(error)
  return [code, classifyFailure({ phase: 'connect', code }, wallTarget('http://wall.test')).code]
}

describe('fault 141: of the addresses of one name', () => {
  test.each([
    ['one of IPv6 that cannot be called from here does not hide one that refuses', V6, V4],
    ['nor after it', V4, V6],
  ])('%s', (_name, ...addresses) => {
    const errors = addresses.map((at) => refused(at === V6 ? 'EADDRNOTAVAIL' : 'ECONNREFUSED', at))
    expect(judged(all(...errors))).toEqual(['ECONNREFUSED', 'upstream_unreachable'])
  })

  test('one that refuses says more than a shortage at another', () => {
    expect(judged(all(refused('EMFILE', V4), refused('ECONNREFUSED', '192.0.2.2')))).toEqual([
      'ECONNREFUSED',
      'upstream_unreachable',
    ])
  })

  test('a shortage at every one is a shortage', () => {
    expect(judged(all(refused('EMFILE', V6), refused('EADDRNOTAVAIL', V4)))).toEqual([
      'EMFILE',
      'no_connection_free',
    ])
  })

  test.each(['EADDRNOTAVAIL', 'ENETUNREACH'])(
    'a shortage at those that can be called from here is one, whatever IPv6 says that is not here (%s)',
    (code) => {
      expect(judged(all(refused(code, V6), refused('EADDRNOTAVAIL', V4)))).toEqual([
        'EADDRNOTAVAIL',
        'no_connection_free',
      ])
    },
  )

  test('only of IPv6, on a machine without it, no waiting helps: the provider is unreachable', () => {
    expect(judged(refused('EADDRNOTAVAIL', '::1'))).toEqual(['HOLDFAST_NO_IPV6', 'upstream_unreachable'])
    expect(judged(all(refused('EADDRNOTAVAIL', V6), refused('EADDRNOTAVAIL', '::1')))).toEqual([
      'HOLDFAST_NO_IPV6',
      'upstream_unreachable',
    ])
    expect(judged(refused('EADDRNOTAVAIL', V4))).toEqual(['EADDRNOTAVAIL', 'no_connection_free'])
  })
})
