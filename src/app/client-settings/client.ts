/** What one client needs to use this gateway, as data: variables of its environment, and files of settings it reads. */

import type { Secret } from '../../std/secret.ts'
import type { Edited } from './edited.ts'

/** The variable that holds a client key, where no other is said. */
export const KEY_VARIABLE = 'HOLDFAST_KEY'

/** Where the key comes from: the environment of whoever starts the client, or it is at hand and nowhere else. */
export type KeySource =
  /** `secret`: the variable is set now as well, for files that can hold nothing but the key itself. */
  | { readonly type: 'variable'; readonly name: string; readonly secret?: Secret }
  | { readonly type: 'secret'; readonly secret: Secret }

export interface Connection {
  /** The gateway's address without `/v1` and without a slash at the end. */
  readonly url: string
  readonly key: KeySource
  /** What to ask for; absent: what the client asks for by itself. */
  readonly model?: string
}

export interface Variable {
  readonly name: string
  readonly value: VariableValue
}

export type VariableValue = { readonly type: 'text'; readonly text: string } | { readonly type: 'key' }

/** Where a user's own files are. */
export interface Places {
  readonly home: string
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface SettingsFile {
  /** Full paths; the first that exists is meant, or else the last. */
  paths(places: Places): readonly string[]
  /** The file's text as it is to be; an empty text stands for no file. */
  edit(text: string, connection: Connection): Edited
}

export interface Client {
  /** As it is written on the command line. */
  readonly id: string
  /** As its makers write it. */
  readonly name: string
  /** Whether it must be told a model. */
  readonly needsModel: boolean
  /** Everything by environment; empty where it takes its settings from files alone. */
  variables(connection: Connection): readonly Variable[]
  readonly files: readonly SettingsFile[]
  /** What the environment must hold besides the files. */
  needs(connection: Connection): readonly Variable[]
  /** The command that starts it with these settings, without secrets. */
  start(connection: Connection): string
  /** Plain sentences worth knowing. */
  readonly notes: readonly string[]
}

export function text(name: string, value: string): Variable {
  return { name, value: { type: 'text', text: value } }
}

export function keyIn(name: string): Variable {
  return { name, value: { type: 'key' } }
}

/** The key itself, where it is at hand. */
export function literalKey(key: KeySource): string | undefined {
  return key.secret?.reveal()
}

/** How a file that can name a variable says the key. */
export function keyReference(key: KeySource, byName: (variable: string) => string): string {
  return key.type === 'variable' ? byName(key.name) : key.secret.reveal()
}

/** Where the key is not in a file, it must be in the environment. */
export function keyVariable({ key }: Connection): readonly Variable[] {
  return key.type === 'variable' ? [keyIn(key.name)] : []
}

/** The model as an argument of a command, for eyes: names that a shell would take apart stand in quotes. */
export function shown(model: string | undefined): string {
  if (model === undefined) return 'MODEL'
  return /^[A-Za-z0-9._/:@-]+$/.test(model) ? model : `'${model.replaceAll("'", "'\\''")}'`
}
