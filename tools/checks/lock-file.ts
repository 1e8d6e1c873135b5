/**
 * Judges package-lock.json. npm itself accepts lock files that fail on other machines (missing platform packages), run
 * strangers' scripts or remember one machine's registry; SEC-59 wants none of these, and few runtime dependencies.
 */

/**
 * Packages that `npm install --omit=dev` brings, the Node pin not counted (it is never published). SEC-59 wants a stated
 * number: 49 since PostgreSQL is spoken by pg (13 with its own) and the admin API is described by hono and zod-openapi.
 */
export const RUNTIME_PACKAGES_MAX = 49

/** The part of a lock file's entry that is judged. */
export interface LockedPackage {
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

/** The complaints about a lock file, one sentence each; empty when it is good. */
export function checkLockFile(packages: LockedPackages): readonly string[] {
  return [
    ...missingPlatforms(packages),
    ...installScripts(packages),
    ...downloadAddresses(packages),
    ...missingIntegrity(packages),
    ...tooManyRuntimePackages(packages),
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

function installScripts(packages: LockedPackages): readonly string[] {
  return Object.entries(packages)
    .filter(([, entry]) => entry.hasInstallScript === true)
    .map(([path]) => `${path}: has an install script; choose a package that needs none`)
}

function downloadAddresses(packages: LockedPackages): readonly string[] {
  return Object.entries(packages)
    .filter(([, entry]) => entry.resolved !== undefined && entry.link !== true)
    .map(([path]) => `${path}: holds a download address; install with the project's own .npmrc`)
}

function missingIntegrity(packages: LockedPackages): readonly string[] {
  return fetched(packages)
    .filter(([, entry]) => entry.integrity === undefined)
    .map(([path]) => `${path}: has no integrity hash`)
}

function tooManyRuntimePackages(packages: LockedPackages): readonly string[] {
  const count = runtimePackages(packages).length
  if (count <= RUNTIME_PACKAGES_MAX) return []
  return [`SEC-59: ${count} runtime packages, at most ${RUNTIME_PACKAGES_MAX} are allowed`]
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
