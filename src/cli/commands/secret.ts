/** `holdfast secret status`: how far a rotation of the master secret is. It shows nothing of a secret. */

import type { KeyRecord } from '../../keys/records.ts'
import {
  describeSecretStatus,
  KEYS_NAMED_MAX,
  readSecretStatus,
  type SealedPart,
  type SecretStatus,
} from '../../reports/secret-status.ts'
import type { SealedKind } from '../../reports/sealed-store.ts'
import { wallMs } from '../change-books.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { withBooks } from '../open-books.ts'
import { sayMoment, tableLines } from '../table.ts'
import { count } from '../words.ts'

export function secretStatus(options: CommonOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async ({ store, peppers, sealer }) => {
    const directory = await store.loadDirectory()
    const status = await readSecretStatus({ store, directory, peppers, sealer, nowMs: wallMs(io) })
    if (options.json) printJson(io, { ok: true, ...describeSecretStatus(status) })
    else io.out((options.quiet === true ? [verdictOf(status)] : linesOf(status)).join('\n'))
    return exitCodes.ok
  })
}

function linesOf(status: SecretStatus): readonly string[] {
  const { secrets, keys, olderKeys, missingKeys, sealed } = status
  return [
    `${count(secrets, 'master secret')} given${secrets === 1 ? '' : ': the first is used, the others are older'}`,
    `${count(keys, 'key')} in force${secrets === 1 ? '' : `, ${olderKeys.length} under an older secret alone${olderKeys.length === 0 ? '' : ':'}`}`,
    ...keyLines(olderKeys),
    ...(missingKeys.length === 0
      ? []
      : [
          `not known, their secret is not given: ${count(missingKeys.length, 'key')}:`,
          ...keyLines(missingKeys),
        ]),
    ...sealed.flatMap(sealedLines),
    verdictOf(status),
  ]
}

function keyLines(keys: readonly KeyRecord[]): readonly string[] {
  if (keys.length === 0) return []
  const columns = ['NAME', 'KEY', 'UNTIL', 'ID'].map((title) => ({ title }))
  const rows = keys
    .slice(0, KEYS_NAMED_MAX)
    .map(({ name, kind, hint, expiresAtMs, id }) => [
      name,
      `sk-hf-${kind === 'admin' ? 'admin-' : ''}…${hint}`,
      expiresAtMs === undefined ? '-' : sayMoment(expiresAtMs),
      id,
    ])
  const others = keys.length - rows.length
  return [...tableLines(columns, rows), ...(others === 0 ? [] : [`and ${others} more`])].map(
    (line) => `  ${line}`,
  )
}

const WHAT: Readonly<Record<SealedKind, string>> = {
  answers: 'answers under idempotency keys',
  cache: 'answers of the cache',
  bodies: 'bodies of requests',
}

function sealedLines({ kind, older, olderUntilMs, missing }: SealedPart): readonly string[] {
  return [
    ...(olderUntilMs === undefined
      ? []
      : [`${WHAT[kind]} under an older secret: ${older}, until ${sayMoment(olderUntilMs)} UTC`]),
    ...(missing === 0 ? [] : [`${WHAT[kind]} that no secret given opens: ${missing}`]),
  ]
}

function verdictOf({ olderSecrets, olderKeys }: SecretStatus): string {
  switch (olderSecrets.type) {
    case 'none':
      return 'no older secret is given'
    case 'unneeded':
      return 'nothing needs an older secret any more: take it out, once every gateway was started anew with both'
    case 'needed-until':
      return `the older secrets may be taken out after ${sayMoment(olderSecrets.atMs)} UTC`
    case 'needed-by-keys':
      return `the older secrets are needed for ${count(olderKeys.length, 'key')}: one that is used moves by itself, the others with holdfast key rotate or revoke`
  }
}
