/**
 * Follows references to secrets: to the environment, and to files in the directory of the configuration or in
 * /run/secrets and nowhere else (SEC-53). What is found becomes a `Secret` at once.
 */

import path from 'node:path'
import type { SecretReference } from '../../std/config-values.ts'
import { isJsonObject, parseJson } from '../../std/json.ts'
import { Secret } from '../../std/secret.ts'
import { quote } from './fault.ts'
import { type Environment, expandText, lookUp } from './read-yaml.ts'

/** Where container runtimes mount secrets. */
const SECRET_DIRECTORIES = ['/run/secrets', '/var/run/secrets']
/** Longest secret that is read from a file, characters. */
const SECRET_LENGTH_MAX = 16_384

export interface SecretSources {
  readonly env: Environment
  /** Directory of the configuration file; absent where there is no file. */
  readonly directory?: string
  /** Throws where the file cannot be read. */
  readonly readFile: (path: string) => string
}

export type ResolvedSecret =
  | { readonly type: 'secret'; readonly secret: Secret }
  | { readonly type: 'fault'; readonly message: string }

export function resolveSecret(reference: SecretReference, sources: SecretSources): ResolvedSecret {
  switch (reference.kind) {
    case 'literal':
      return usable(reference.secret.reveal())
    case 'environment':
      return fromText(lookUp(reference.name, sources.env))
    case 'template':
      return fromText(expandText(reference.template, sources.env))
    case 'file':
      return fromFile(reference.path, sources)
  }
}

function fromText(found: ReturnType<typeof lookUp>): ResolvedSecret {
  return found.type === 'text' ? usable(found.text) : found
}

function fromFile(name: string, { directory, readFile }: SecretSources): ResolvedSecret {
  const allowed = [...(directory === undefined ? [] : [directory]), ...SECRET_DIRECTORIES]
  const full = path.resolve(directory ?? '/', name)
  if (name === '' || name.includes('\0') || !allowed.some((base) => isInside(full, base))) {
    return {
      type: 'fault',
      message: `${quote(`file:${name}`)} is outside the directories that secrets are read from: put it beside the configuration or in /run/secrets`,
    }
  }
  try {
    return usable(readFile(full))
  } catch (error) {
    return {
      type: 'fault',
      message: `${quote(`file:${name}`)} cannot be read (${codeOf(error)}): create it, or change the reference`,
    }
  }
}

function isInside(file: string, directory: string): boolean {
  const relative = path.relative(path.resolve(directory), file)
  return relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative)
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return 'unreadable'
}

/** A secret travels in a header: anything that could end one line and begin another is refused (SEC-32). */
function usable(text: string): ResolvedSecret {
  const trimmed = onOneLine(text.trim())
  if (trimmed === '') return { type: 'fault', message: 'is empty' }
  if (trimmed.length > SECRET_LENGTH_MAX) return { type: 'fault', message: 'is too long to be a key' }
  if (!/^[\x20-\x7e]+$/.test(trimmed)) {
    return { type: 'fault', message: 'holds line breaks or characters that cannot travel in a header' }
  }
  return { type: 'secret', secret: new Secret(trimmed) }
}

/** A key file that is JSON (Google's, AWS's) is a key of several fields: its line breaks are layout, and left out. */
function onOneLine(text: string): string {
  if (!text.startsWith('{')) return text
  const value = parseJson(text)
  return isJsonObject(value) ? JSON.stringify(value) : text
}
