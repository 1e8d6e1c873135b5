/** `holdfast audit`: the log of who changed what, and whether it is whole. */

import { verifyAudit } from '../../reports/verify-audit.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { withBooks } from '../open-books.ts'
import { readCount } from '../read-values.ts'
import { printable, sayMoment } from '../table.ts'
import { count } from '../words.ts'

/** 1 where a line was changed or left out. */
export function auditVerify(options: CommonOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async ({ store }) => {
    const verdict = await verifyAudit(store)
    if (options.json) printJson(io, { ok: verdict.isWhole, ...verdict })
    else if (!verdict.isWhole)
      io.err(
        `the audit log is broken at line ${verdict.brokenAt}: it, or a line before it, was changed or left out`,
      )
    else if (options.quiet !== true) {
      io.out(io.style('green', `the audit log is whole: ${count(verdict.lines, 'line')}`))
      if (verdict.last !== undefined)
        io.out(
          `the last is ${verdict.last.sequence}, ${verdict.last.hash}: note it elsewhere, and later compare`,
        )
    }
    return verdict.isWhole ? exitCodes.ok : exitCodes.failed
  })
}

export function auditList(
  options: CommonOptions & { readonly limit?: string },
  io: CliIo,
): Promise<ExitCode> {
  return withBooks(options, io, async ({ store }) => {
    const limit = readCount(options.limit)
    const { rows } = await store.auditLines({ limit })
    if (options.json) printJson(io, { lines: rows })
    else
      for (const { sequence, atMs, actor, action, subject } of rows.toReversed())
        io.out(
          `${io.style('dim', `${sequence} ${sayMoment(atMs)}`)} ${printable(`${actor} ${action} ${subject}`)}`,
        )
    return exitCodes.ok
  })
}
