/** What the admin API is handed: ports, so that it can be tested alone, and so that it imports no store. */

import type { FoundBodies } from '../../archive/find-bodies.ts'
import type { Readiness } from '../../exchange/gateway.ts'
import type { DirectoryStore } from '../../keys/directory-store.ts'
import type { GuessLimiter } from '../../keys/guess-limiter.ts'
import type { AdminHolder } from '../../keys/key-index.ts'
import type { Peppers } from '../../keys/key-hashes.ts'
import type { Directory, DirectoryChange } from '../../keys/records.ts'
import type { LedgerStore } from '../../ledger/ledger-store.ts'
import type { ReportStore } from '../../reports/report-store.ts'
import type { SealedStore } from '../../reports/sealed-store.ts'
import type { AuditNote } from '../../std/audit.ts'
import type { Clock } from '../../std/clock.ts'
import type { IdSource } from '../../std/ids.ts'
import type { JsonObject } from '../../std/json.ts'
import type { Sealer } from '../../std/sealer.ts'
import type { Telemetry } from '../../telemetry/records.ts'
import type { OperatorView } from '../operator-view.ts'
import type { SignInLinks } from './sign-in.ts'

export interface AdminRooms {
  readonly store: AdminStore
  /** Answers that may be given again: removes those of a tenant, or all, with the audit lines of it; how many. */
  readonly cache: { drop(notes: readonly AuditNote[], tenant?: string): Promise<number> }
  /** What is kept of what a request asked and was answered. */
  readonly findBodies: (exchangeId: string) => Promise<FoundBodies>
  readonly directory: AdminDirectory
  readonly budgets: AdminBudgets
  readonly adminKeys: AdminKeys
  /** Of failed attempts at this door. */
  readonly guesses: GuessLimiter
  /** Those of the keyring. */
  readonly peppers: Peppers
  /** Tells under which master secret something is sealed. */
  readonly sealer: Pick<Sealer, 'placeOf'>
  /** Names that the configuration file gives to its own keys. */
  readonly namesOfFile: () => readonly string[]
  readonly signInLinks: SignInLinks
  readonly clock: Clock
  readonly ids: IdSource
  readonly view: OperatorView
  readonly readiness: () => Readiness
  readonly config: ConfigView
  readonly telemetry: Telemetry
}

/** The part of a `Store` that is used here. */
export type AdminStore = Pick<DirectoryStore, 'changeDirectory'> &
  Pick<LedgerStore, 'loadBudgets' | 'budgetsRevision' | 'putBudget' | 'standings'> &
  ReportStore &
  SealedStore & {
    readonly kind: string
    /** An audit line without a change: a sign-in, a refusal. */
    note(note: AuditNote): Promise<void>
    /** Resolves while the store answers. */
    ping(): Promise<void>
  }

/** Who may ask, as this process knows it. */
export interface AdminDirectory {
  /** `undefined` where nothing could be read yet. */
  readonly current: Directory | undefined
  /** Takes over a change that the store has just taken, and is at `revision` since: it is in force when this returns. */
  take(changes: readonly DirectoryChange[], revision: number): void
  /** Takes over what the store holds now: what was changed before the call is in force when it resolves. */
  refresh(): Promise<void>
}

/** The budgets in force, as this process knows them. */
export interface AdminBudgets {
  /** As `BudgetWatch` of ledger/budget-watch.ts: false where the store does not answer. */
  look(): Promise<boolean>
}

/** As `DirectoryKeyring` of keys/directory-keyring.ts. */
export interface AdminKeys {
  /**
   * Throws, or rejects with, `unauthenticated` for everything but an admin key in force: data keys, expired and revoked
   * ones among it, in the same words (SEC-16).
   */
  authenticateAdmin(presented: string | undefined): AdminHolder | Promise<AdminHolder>
}

/** The configuration in force, as far as it is shown: credentials are fingerprints. */
export interface ConfigView {
  routes(): readonly RouteDescription[]
  /** Each once; the order stays while the configuration and the lists of models do. */
  targets(): readonly TargetDescription[]
  /** Where it says so; without a path there is no file, and everything comes from the environment. */
  placeOf(subject: ConfigSubject): { readonly path?: string; readonly line?: number }
}

export interface ConfigSubject {
  readonly kind: 'route' | 'target'
  /** Absent: where one would be added. */
  readonly name?: string
}

export interface RouteDescription {
  readonly name: string
  /** `provider/model`, each once, in the order written. */
  readonly targets: readonly string[]
  /** The rest of it, as the file says it. */
  readonly policy: JsonObject
}

export interface TargetDescription {
  /** `provider/model`. */
  readonly target: string
  readonly provider: string
  readonly dialect: string
  readonly isLocal: boolean
  /** The fingerprint of its credential. */
  readonly credential?: string
}
