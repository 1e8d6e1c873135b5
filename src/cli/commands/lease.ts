/** `holdfast lease`: says which node has how much of which budget leased, and gives back what one has whose machine is gone. */

import { type HolderState, holderState } from '../../app/lease-holder.ts'
import type { Budget } from '../../ledger/budget.ts'
import type { NodeLease, SeenLease } from '../../ledger/ledger-store.ts'
import type { NanoUsd } from '../../ledger/prices.ts'
import { formatUsd } from '../../ledger/usd.ts'
import type { OpenedBooks } from '../books.ts'
import { wallMs } from '../change-books.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { withBooks } from '../open-books.ts'
import { shown } from '../read-values.ts'
import { CommandRefusal } from '../refusal.ts'
import { sayMoment, tableLines } from '../table.ts'
import { count } from '../words.ts'

export function leaseList(options: CommonOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async (books) => {
    const leases = await books.store.leases()
    const names = namesOf(await books.store.loadBudgets())
    const rows = leases.map((lease) => ({ lease, state: stateOf(lease, books) }))
    if (options.json)
      printJson(io, {
        leases: rows.map(({ lease, state }) => ({
          node: lease.nodeId,
          state,
          seen_ms_ago: lease.seenMsAgo === undefined ? null : Math.round(lease.seenMsAgo),
          ...describe(lease, names),
        })),
      })
    else if (rows.length > 0) {
      const [head = '', ...rest] = tableLines(
        COLUMNS,
        rows.map(({ lease, state }) => [
          lease.nodeId,
          state,
          names.get(lease.budgetId) ?? lease.budgetId,
          lease.periodStartMs === 0 ? '-' : sayMoment(lease.periodStartMs),
          formatUsd(lease.nanoUsd),
        ]),
      )
      io.out([io.style('dim', head), ...rest].join('\n'))
    } else if (options.quiet !== true) io.err('nothing is leased')
    return exitCodes.ok
  })
}

const COLUMNS = [
  { title: 'NODE' },
  { title: 'STATE' },
  { title: 'BUDGET' },
  { title: 'PERIOD FROM' },
  { title: 'LEASED', isNumber: true },
]

export interface LeaseReleaseOptions extends CommonOptions {
  readonly force?: boolean
}

export function leaseRelease(nodeId: string, options: LeaseReleaseOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async (books) => {
    const isForced = options.force === true
    const state = stateOf(await findHolder(nodeId, books), books)
    if (state !== 'unseen' && !isForced) throw new CommandRefusal(`${nodeId} ${WHY_NOT[state]}`)
    const answer = await books.store.releaseNode({ nodeId, isForced, atMs: wallMs(io), actor: 'cli' })
    // It came back just now.
    if (answer.type === 'seen') throw new CommandRefusal(`${nodeId} ${WHY_NOT.running}`)
    const { leases } = answer
    const usd = formatUsd(sumOf(leases))
    if (state !== 'unseen')
      io.err(`${io.style('yellow', 'warning:')} ${WARNINGS[state].replace('AMOUNT', usd)}`)
    if (options.json) {
      const names = namesOf(await books.store.loadBudgets())
      printJson(io, {
        ok: true,
        node: nodeId,
        state,
        forced: isForced,
        released_usd: usd,
        released_nano_usd: sumOf(leases),
        leases: leases.map((lease) => describe(lease, names)),
      })
    } else if (options.quiet !== true)
      io.out(
        `${usd} USD of ${count(new Set(leases.map(({ budgetId }) => budgetId)).size, 'budget')} given back`,
      )
    return exitCodes.ok
  })
}

const WHY_NOT: Readonly<Record<Exclude<HolderState, 'unseen'>, string>> = {
  running:
    'runs: what is given back now it could spend as well, beyond the limits. Stop it, and its leases go back by themselves; --force gives them back all the same',
  elsewhere:
    'is a run of another machine or container, and nothing here tells whether it is over. A gateway on this folder brings its books in a minute after its last sign of life, and gives its leases back; where it is over, --force gives them back now',
  ended:
    'is over, and what it spent last may stand in its folder alone: start a gateway here, which brings that in and gives its leases back. --force gives them back before that',
}

/** Of a node whose leases were given back all the same. */
const WARNINGS: Readonly<Record<Exclude<HolderState, 'unseen'>, string>> = {
  running:
    'it runs: until it hears of this, within two seconds of reaching the store, it can spend up to AMOUNT USD that others may be granted as well, beyond the limits',
  elsewhere:
    'where it runs after all, it can spend up to AMOUNT USD that others may be granted as well, beyond the limits, until it hears of this within two seconds of reaching the store',
  ended:
    'what its folder holds is charged in full when it is brought in, beyond the limits where others have spent the AMOUNT USD by then',
}

async function findHolder(nodeId: string, { store }: OpenedBooks): Promise<SeenLease> {
  const leases = await store.leases()
  const found = leases.find((lease) => lease.nodeId === nodeId)
  if (found !== undefined) return found
  throw new CommandRefusal(`${shown(nodeId)} has nothing leased; holdfast lease list says which nodes have`)
}

function stateOf(lease: SeenLease, { base }: OpenedBooks): HolderState {
  return holderState(lease, base === undefined ? undefined : `${base}.books`)
}

function namesOf(budgets: readonly Budget[]): ReadonlyMap<string, string> {
  return new Map(budgets.map(({ id, name }) => [id, name]))
}

function describe({ budgetId, periodStartMs, nanoUsd }: NodeLease, names: ReadonlyMap<string, string>) {
  return {
    budget: budgetId,
    budget_name: names.get(budgetId) ?? null,
    period_start: periodStartMs === 0 ? null : new Date(periodStartMs).toISOString(),
    leased_usd: formatUsd(nanoUsd),
    leased_nano_usd: nanoUsd,
  }
}

function sumOf(leases: readonly NodeLease[]): NanoUsd {
  // Sound: a sum of whole numbers of nano-dollars.
  return leases.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0) as NanoUsd
}
