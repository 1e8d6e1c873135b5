/** Reads the repository's own text files, so that every check that judges text judges the same set. */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Repository-relative path with forward slashes -> content. */
export type SourceFiles = ReadonlyMap<string, string>

/** The folder that holds package.json. */
export const repositoryRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

const skippedFolders = new Set(['node_modules', 'dist', 'coverage'])
/** Folders whose name begins with a dot belong to tools, but for this one. */
const ownDotFolder = '.ci'
const textFile = /\.(?:ts|md|json|jsonc|ya?ml|sh|cjs|mjs|js)$|(?:^|\/)(?:run|LICENSE|\.npmrc|\.gitignore)$/

/** Every text file below some top-level folders or of some names; without any, the whole repository. */
export function readSourceFiles(...tops: readonly string[]): SourceFiles {
  const files = new Map<string, string>()
  for (const top of tops.length === 0 ? ['.'] : tops)
    collect(repositoryRoot, join(repositoryRoot, top), files)
  return files
}

/** Every text file of a copy of the repository. */
export function readCopiedFiles(root: string): SourceFiles {
  const files = new Map<string, string>()
  collect(root, root, files)
  return files
}

function collect(root: string, folder: string, files: Map<string, string>): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (!isSkipped(entry.name)) collect(root, path, files)
    } else if (entry.isFile()) {
      const name = relative(root, path).split(sep).join('/')
      if (textFile.test(name)) files.set(name, readFileSync(path, 'utf8'))
    }
  }
}

function isSkipped(folderName: string): boolean {
  return skippedFolders.has(folderName) || (folderName.startsWith('.') && folderName !== ownDotFolder)
}
