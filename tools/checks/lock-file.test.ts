import { describe, expect, test } from 'vitest'
import { checkLockFile, type LockedPackage, RUNTIME_PACKAGES_MAX, runtimePackages } from './lock-file.ts'

const good: LockedPackage = { version: '1.0.0', integrity: 'sha512-x' }

describe('SEC-59: the lock file', () => {
  test('is good with integrity, without scripts and addresses', () => {
    const packages = {
      '': {},
      'tools/node-pin': {},
      'node_modules/@holdfast/node-pin': { link: true, resolved: 'tools/node-pin' },
      'node_modules/a': { ...good, optionalDependencies: { 'a-linux': '1' } },
      'node_modules/a/node_modules/a-linux': { ...good, optional: true },
    }
    expect(checkLockFile(packages)).toEqual([])
    expect(runtimePackages(packages)).toEqual(['node_modules/a'])
  })

  test.each([
    ['a missing platform package', { ...good, optionalDependencies: { 'a-mac': '1' } }, 'a-mac'],
    ['an install script', { ...good, hasInstallScript: true }, 'install script'],
    ['a download address', { ...good, resolved: 'https://example.test/a.tgz' }, 'download address'],
    ['a missing integrity hash', { version: '1.0.0' }, 'no integrity'],
  ])('is refused for %s', (_fault, entry, complaint) => {
    expect(checkLockFile({ 'node_modules/a': entry })).toEqual([expect.stringContaining(complaint)])
  })

  test('is refused for too many runtime packages', () => {
    const packages = Object.fromEntries(
      Array.from({ length: RUNTIME_PACKAGES_MAX + 1 }, (_, at) => [`node_modules/a${at}`, good]),
    )
    expect(checkLockFile(packages)).toEqual([expect.stringContaining('SEC-59')])
  })
})
