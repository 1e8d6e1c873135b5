/**
 * Judges what is installed: lock files, manifests and npm's own settings. npm itself accepts lock files that fail on other
 * machines (missing platform packages), run strangers' scripts, fetch from anywhere or remember one machine's registry;
 * SEC-59 and SEC-60 want none of these, and few runtime dependencies. No registry is asked: what stands here is enough.
 */

/**
 * Packages that `npm install --omit=dev` brings, the Node pin not counted (it is never published). SEC-59 wants a stated
 * number: 49 since PostgreSQL is spoken by pg (13 with its own) and the admin API is described by hono and zod-openapi.
 */
export const RUNTIME_PACKAGES_MAX = 49

/** Versions that were published with somebody else's code in them, and withdrawn. */
const WITHDRAWN: ReadonlySet<string> = new Set(['axios@0.30.4', 'axios@1.14.1'])

/** What npm must be told in the project's `.npmrc`: no scripts of strangers, and nothing from beside the registry. */
const SETTINGS = [
  'ignore-scripts=true',
  'allow-git=none',
  'allow-remote=none',
  'omit-lockfile-registry-resolved=true',
]

/** The part of a lock file's entry that is judged. */
export interface LockedPackage {
  /** The true name, where a package is installed under another. */
  readonly name?: string
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly dev?: boolean
  readonly optional?: boolean
  readonly hasInstallScript?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export type LockedPackages = Readonly<Record<string, LockedPackage>>

export interface LockRules {
  readonly runtimePackagesMax: number
  /** Packages whose install scripts are known, and never run: those of tools that only tests or benches install. */
  readonly scripts: ReadonlySet<string>
}

/** The rules for what is published. */
const PUBLISHED: LockRules = { runtimePackagesMax: RUNTIME_PACKAGES_MAX, scripts: new Set() }

/** The complaints about a lock file, one sentence each; empty when it is good. */
export function checkLockFile(packages: LockedPackages, rules: LockRules = PUBLISHED): readonly string[] {
  return [
    ...missingPlatforms(packages),
    ...installScripts(packages, rules),
    ...downloadAddresses(packages),
    ...looseVersions(packages),
    ...weakIntegrity(packages),
    ...withdrawnVersions(packages),
    ...tooManyRuntimePackages(packages, rules),
  ]
}

/** The packages that a production install brings. */
export function runtimePackages(packages: LockedPackages): readonly string[] {
  return fetched(packages)
    .filter(([, entry]) => entry.dev !== true && entry.optional !== true)
    .map(([path]) => path)
}

function missingPlatforms(packages: LockedPackages): readonly string[] {
  const names = new Set(Object.keys(packages).map(packageName))
  return Object.entries(packages).flatMap(([path, entry]) => {
    const missing = Object.keys(entry.optionalDependencies ?? {}).filter((name) => !names.has(name))
    if (missing.length === 0) return []
    return [
      `${path || 'package.json'}: ${missing.length} optional platform packages are not locked (${missing.join(', ')}); "npm ci" would fail elsewhere`,
    ]
  })
}

function installScripts(packages: LockedPackages, { scripts }: LockRules): readonly string[] {
  return Object.entries(packages)
    .filter(([path, entry]) => entry.hasInstallScript === true && !scripts.has(packageName(path)))
    .map(([path]) => `${path}: has an install script; choose a package that needs none`)
}

function downloadAddresses(packages: LockedPackages): readonly string[] {
  return Object.entries(packages)
    .filter(([, entry]) => entry.resolved !== undefined && entry.link !== true)
    .map(([path]) => `${path}: holds a download address; install with the project's own .npmrc`)
}

const EXACT = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/

function looseVersions(packages: LockedPackages): readonly string[] {
  return fetched(packages)
    .filter(([, { version = '' }]) => !EXACT.test(version))
    .map(([path, { version }]) => `${path}: "${version ?? ''}" is no exact version of the registry`)
}

/** SHA-512 in base64: 64 bytes. SHA-1, which npm takes as well, can be forged. */
const INTEGRITY = /^sha512-[A-Za-z0-9+/]{86}==$/

function weakIntegrity(packages: LockedPackages): readonly string[] {
  return fetched(packages)
    .filter(([, { integrity = '' }]) => !INTEGRITY.test(integrity))
    .map(([path, { integrity }]) =>
      integrity === undefined
        ? `${path}: has no integrity hash`
        : `${path}: its integrity is no SHA-512 (${integrity.slice(0, 12)}…)`,
    )
}

function withdrawnVersions(packages: LockedPackages): readonly string[] {
  return fetched(packages)
    .map(([path, { name = packageName(path), version = '' }]) => ({ path, id: `${name}@${version}` }))
    .filter(({ id }) => WITHDRAWN.has(id))
    .map(({ path, id }) => `${path}: ${id} was published with somebody else's code in it`)
}

function tooManyRuntimePackages(
  packages: LockedPackages,
  { runtimePackagesMax }: LockRules,
): readonly string[] {
  const count = runtimePackages(packages).length
  if (count <= runtimePackagesMax) return []
  return [`SEC-59: ${count} runtime packages, at most ${runtimePackagesMax} are allowed`]
}

/** Entries that come from a registry, as against the root, workspace members and the links to them. */
function fetched(packages: LockedPackages): readonly (readonly [string, LockedPackage])[] {
  return Object.entries(packages).filter(
    ([path, entry]) => path.includes('node_modules/') && entry.link !== true,
  )
}

function packageName(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
}

/** The part of a package.json that is judged. */
export interface Manifest {
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly overrides?: Overrides
}

type Overrides = { readonly [name: string]: string | Overrides }

/** Run by npm when somebody installs, with all that he may do. */
const INSTALL_SCRIPTS = [
  'preinstall',
  'install',
  'postinstall',
  'prepublish',
  'preprepare',
  'prepare',
  'postprepare',
]

/** Versions of the registry, from one on: no address, no folder, no other name, and not whatever is newest. */
const REGISTRY_RANGE = /^[\^~]?\d+(?:\.\d+){0,2}(?:-[0-9A-Za-z.-]+)?$/

/** The complaints about a package.json. */
export function checkManifest(manifest: Manifest): readonly string[] {
  const { scripts = {}, dependencies, devDependencies, optionalDependencies, peerDependencies } = manifest
  const wanted = [dependencies, devDependencies, optionalDependencies, peerDependencies]
    .flatMap((all) => Object.entries(all ?? {}))
    .concat(overridden(manifest.overrides ?? {}))
  return [
    ...INSTALL_SCRIPTS.filter((name) => name in scripts).map(
      (name) => `"${name}" would run wherever this is installed; give the script another name`,
    ),
    ...wanted
      .filter(([, range]) => !REGISTRY_RANGE.test(range))
      .map(([name, range]) => `${name}: "${range}" is no version of the registry`),
  ]
}

function overridden(overrides: Overrides): readonly [string, string][] {
  return Object.entries(overrides).flatMap(([name, range]): readonly [string, string][] =>
    typeof range === 'string' ? [[name, range]] : overridden(range),
  )
}

/** The complaints about the project's `.npmrc`. */
export function checkNpmSettings(text: string): readonly string[] {
  const lines = new Set(text.split('\n').map((line) => line.replaceAll(/\s/g, '')))
  return SETTINGS.filter((setting) => !lines.has(setting)).map((setting) => `.npmrc: ${setting} is not there`)
}
