/** Every lock file and manifest of the repository, by the rules of lock-file.ts. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  checkLockFile,
  checkManifest,
  checkNpmSettings,
  type LockedPackages,
  type LockRules,
  type Manifest,
} from './lock-file.ts'
import { readSourceFiles, repositoryRoot } from './source-files.ts'

/** Lock files of what is installed beside the project, each always with `--ignore-scripts`. */
const BESIDE: Readonly<Record<string, LockRules>> = {
  'test/agents/package-lock.json': {
    runtimePackagesMax: 20,
    scripts: new Set(['@github/keytar', 'node-pty']),
  },
  'bench/portkey/package-lock.json': {
    runtimePackagesMax: 100,
    scripts: new Set(['@portkey-ai/gateway']),
  },
}

/** The complaints about all of them, each with its file. */
export function checkInstalls(): readonly string[] {
  const names = [...readSourceFiles().keys()]
  return [
    ...names.filter((name) => /(?:^|\/)package-lock\.json$/.test(name)).flatMap(complaintsOfLock),
    ...names.filter((name) => /(?:^|\/)package\.json$/.test(name)).flatMap(complaintsOfManifest),
    ...checkNpmSettings(read('.npmrc')),
  ]
}

function complaintsOfLock(name: string): readonly string[] {
  // npm wrote this file; its shape is lockfileVersion 3, and every member read is optional in LockedPackage.
  const { packages } = JSON.parse(read(name)) as { readonly packages: LockedPackages }
  return checkLockFile(packages, BESIDE[name]).map((complaint) => `${name}: ${complaint}`)
}

function complaintsOfManifest(name: string): readonly string[] {
  // Sound: npm would not take the file otherwise.
  return checkManifest(JSON.parse(read(name)) as Manifest).map((complaint) => `${name}: ${complaint}`)
}

function read(name: string): string {
  return readFileSync(join(repositoryRoot, name), 'utf8')
}
