import { describe, expect, test } from 'vitest'
import { checkInstalls } from './installs.ts'
import {
  checkLockFile,
  checkManifest,
  checkNpmSettings,
  type LockedPackage,
  type Manifest,
  RUNTIME_PACKAGES_MAX,
  runtimePackages,
} from './lock-file.ts'

const integrity = `sha512-${'A'.repeat(86)}==`
const good: LockedPackage = { version: '1.0.0', integrity }

describe('SEC-59, SEC-60: the lock file', () => {
  test('is good with exact versions and integrity, without scripts and addresses', () => {
    const packages = {
      '': {},
      'tools/node-pin': {},
      'node_modules/@holdfast/node-pin': { link: true, resolved: 'tools/node-pin' },
      'node_modules/a': { ...good, version: '1.0.0-rc.1+5', optionalDependencies: { 'a-linux': '1' } },
      'node_modules/a/node_modules/a-linux': { ...good, optional: true },
    }
    expect(checkLockFile(packages)).toEqual([])
    expect(runtimePackages(packages)).toEqual(['node_modules/a'])
  })

  test.each([
    ['a missing platform package', { ...good, optionalDependencies: { 'a-mac': '1' } }, 'a-mac'],
    ['an install script', { ...good, hasInstallScript: true }, 'install script'],
    ['a download address', { ...good, resolved: 'https://example.test/a.tgz' }, 'download address'],
    ['a repository', { ...good, resolved: 'git+ssh://git@example.test/a.git#abc' }, 'download address'],
    ['a missing integrity hash', { version: '1.0.0' }, 'no integrity'],
    ['a weak integrity hash', { ...good, integrity: 'sha1-aaaaaaaaaaaaaaaaaaaaaaaaaaa=' }, 'no SHA-512'],
    ['two hashes, of which one is enough', { ...good, integrity: `sha1-a= ${integrity}` }, 'no SHA-512'],
    ['a range', { ...good, version: '^1.0.0' }, 'no exact version'],
    ['an address as its version', { ...good, version: 'https://example.test/a.tgz' }, 'no exact version'],
    ['no version', { integrity }, 'no exact version'],
  ])('is refused for %s', (_fault, entry, complaint) => {
    expect(checkLockFile({ 'node_modules/a': entry })).toEqual([expect.stringContaining(complaint)])
  })

  test('is refused for a version that was withdrawn, under another name too', () => {
    const bad = { ...good, version: '1.14.1' }
    for (const packages of [{ 'node_modules/axios': bad }, { 'node_modules/a': { ...bad, name: 'axios' } }])
      expect(checkLockFile(packages)).toEqual([expect.stringContaining('axios@1.14.1')])
    expect(checkLockFile({ 'node_modules/axios': { ...good, version: '1.14.2' } })).toEqual([])
  })

  test('is refused for too many runtime packages', () => {
    const packages = Object.fromEntries(
      Array.from({ length: RUNTIME_PACKAGES_MAX + 1 }, (_, at) => [`node_modules/a${at}`, good]),
    )
    expect(checkLockFile(packages)).toEqual([expect.stringContaining('SEC-59')])
  })

  test('may hold a script that is known and never run, where it is said', () => {
    const packages = { 'node_modules/a': { ...good, hasInstallScript: true } }
    const rules = { runtimePackagesMax: 1, scripts: new Set(['a']) }
    expect(checkLockFile(packages, rules)).toEqual([])
    expect(checkLockFile({ 'node_modules/b': packages['node_modules/a'] }, rules)).toHaveLength(1)
  })
})

describe('SEC-59, SEC-60: a manifest', () => {
  test.each(['1', '1.2', '1.2.3', '^1.2.3', '~1.2.3', '1.2.3-beta.1'])('may want %s', (range) => {
    expect(checkManifest({ dependencies: { a: range }, overrides: { b: { a: range } } })).toEqual([])
  })

  test.each([
    '*',
    '',
    'latest',
    '>=1',
    'x',
    '1 || 2',
    'github:a/b',
    'a/b',
    'git+https://example.test/a.git',
    'https://example.test/a.tgz',
    'file:../a',
    'link:../a',
    'npm:other@1.0.0',
    'workspace:*',
  ])('may not want %j', (range) => {
    const places: readonly Manifest[] = [
      { dependencies: { a: range } },
      { devDependencies: { a: range } },
      { optionalDependencies: { a: range } },
      { peerDependencies: { a: range } },
      { overrides: { b: { a: range } } },
    ]
    for (const manifest of places)
      expect(checkManifest(manifest)).toEqual([expect.stringContaining(`a: "${range}"`)])
  })

  test.each(['preinstall', 'install', 'postinstall', 'prepare'])('runs nothing at %s', (name) => {
    expect(checkManifest({ scripts: { [name]: 'x', test: 'y' } })).toEqual([expect.stringContaining(name)])
  })
})

test('SEC-59: npm is told to run no scripts of strangers, and to fetch from nowhere but the registry', () => {
  const settings =
    'ignore-scripts=true\nallow-git=none\nallow-remote = none\nomit-lockfile-registry-resolved=true\n'
  expect(checkNpmSettings(settings)).toEqual([])
  expect(checkNpmSettings(settings.replace('scripts=true', 'scripts=false'))).toEqual([
    expect.stringContaining('ignore-scripts=true'),
  ])
  expect(checkNpmSettings('')).toHaveLength(4)
})

test('SEC-59, SEC-60: what the repository installs is good, the lock files of its tools among it', () => {
  expect(checkInstalls()).toEqual([])
})
