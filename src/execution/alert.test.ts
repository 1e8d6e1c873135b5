import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { createTarget } from '../providers/target.ts'
import { CREDENTIAL, wallProvider, wallTarget } from '../upstream/wall.ts'
import { alertOf } from './alert.ts'

const target = wallTarget('http://127.0.0.1:1')
const routed = { request: Buffer.from('{}'), isRouted: true }

test.each([
  ['upstream_auth', 'credential_refused'],
  ['insufficient_quota', 'credential_exhausted'],
  ['upstream_model_not_found', 'target_misconfigured'],
] as const)(
  '%s is told as %s, with the target, the credential’s fingerprint and what to do',
  (code, name) => {
    const error = new GatewayError(code, 'no')
    const alert = alertOf(target, error, routed)
    expect(alert).toEqual({
      level: 'error',
      name,
      message: `wall/brick: no ${error.row.nextStep}`,
      facts: { target: 'wall/brick', credential: target.credential?.fingerprint },
    })
    expect(JSON.stringify(alert)).not.toContain(CREDENTIAL)
  },
)

test('nobody has to act upon what heals by itself, or is the client’s to mend', () => {
  for (const code of [
    'rate_limited',
    'upstream_error',
    'upstream_unreachable',
    'context_length_exceeded',
  ] as const)
    expect(alertOf(target, new GatewayError(code, 'no'), routed)).toBeUndefined()
})

test('a model that only a client named is the client’s mistake; a refused credential is not', () => {
  const direct = { ...routed, isRouted: false }
  expect(alertOf(target, new GatewayError('upstream_model_not_found', 'no'), direct)).toBeUndefined()
  expect(alertOf(target, new GatewayError('upstream_auth', 'no'), direct)?.name).toBe('credential_refused')
})

test('SEC-25: a provider that repeats the request does not bring it into the log', () => {
  const said = 'My diagnosis is a secret that nobody else may read.'
  const error = new GatewayError('upstream_auth', `Refused: ${said}`, { upstreamMessage: `Refused: ${said}` })
  const alert = alertOf(target, error, { ...routed, request: Buffer.from(JSON.stringify({ input: said })) })
  expect(alert?.message).toContain('Refused: ')
  expect(alert?.message).not.toContain('diagnosis')
})

test('a target without a credential has none to name', () => {
  const open = createTarget(wallProvider('http://127.0.0.1:1'), 'brick')
  expect(alertOf(open, new GatewayError('upstream_auth', 'no'), routed)?.facts?.['credential']).toBe('none')
})
