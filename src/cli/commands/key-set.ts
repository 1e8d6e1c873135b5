/** `holdfast key set`: changes what a key may do and how long it is good. What no flag names stays as it was. */

import { findKey } from '../../keys/key-changes.ts'
import { changeKey, type KeyChange } from '../../keys/record-changes.ts'
import type { KeyRecord, KeyScopes } from '../../keys/records.ts'
import { changeDirectory, wallMs } from '../change-books.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { withBooks } from '../open-books.ts'
import { changedLimits, LIMIT_FLAGS, type LimitOptions, sayLimits } from '../read-limits.ts'
import { readUnset } from '../read-unset.ts'
import { readLength } from '../read-values.ts'
import { sayMoment } from '../table.ts'
import { describeKey, type ScopeOptions, scopesOf } from './key.ts'

export interface KeySetOptions extends CommonOptions, LimitOptions, ScopeOptions {
  readonly expires?: string
  readonly keepBodies?: boolean
  readonly unset?: string
}

const SCOPES = ['models', 'routes', 'operations'] as const
const FLAGS = [...LIMIT_FLAGS, ...SCOPES, 'expires', 'keep-bodies']

export function keySet(asked: string, options: KeySetOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async (books) => {
    const unset = readUnset(options, { flags: FLAGS, unsettable: FLAGS })
    const { key } = await changeDirectory(books, io, (directory, context) => {
      const before = findKey(directory, asked, context)
      return changeKey(directory, changeOf(before, { options, unset, nowMs: context.nowMs }), context)
    })
    if (options.json) printJson(io, { ok: true, ...describeKey(key, wallMs(io)) })
    else if (options.quiet !== true)
      io.out(`${key.name}: ${sayGrants(key)}; a running gateway goes by it within a second`)
    return exitCodes.ok
  })
}

interface Asked {
  readonly options: KeySetOptions
  readonly unset: ReadonlySet<string>
  readonly nowMs: number
}

/** Where somebody else changes the key at the same moment, the rest of it is as he left it. */
function changeOf(before: KeyRecord, { options, unset, nowMs }: Asked): KeyChange {
  const { expires, keepBodies } = options
  return {
    key: before.id,
    scopes: changedScopes(before.scopes, options, unset),
    limits: changedLimits(before.limits, options, unset),
    ...(expires !== undefined && { expiresAtMs: nowMs + readLength(expires) }),
    ...(unset.has('expires') && { expiresAtMs: null }),
    ...(keepBodies !== undefined && { keepBodies }),
    ...(unset.has('keep-bodies') && { keepBodies: null }),
  }
}

function changedScopes(before: KeyScopes, options: ScopeOptions, unset: ReadonlySet<string>): KeyScopes {
  const { models, routes, operations } = { ...before, ...scopesOf(options) }
  return {
    ...(models !== undefined && !unset.has('models') && { models }),
    ...(routes !== undefined && !unset.has('routes') && { routes }),
    ...(operations !== undefined && !unset.has('operations') && { operations }),
  }
}

function sayGrants({ limits, scopes, expiresAtMs }: KeyRecord): string {
  return [
    sayLimits(limits),
    ...SCOPES.flatMap((list) => (scopes[list] === undefined ? [] : [`${list} ${scopes[list].join(', ')}`])),
    expiresAtMs === undefined ? 'no end' : `until ${sayMoment(expiresAtMs)} UTC`,
  ].join('; ')
}
