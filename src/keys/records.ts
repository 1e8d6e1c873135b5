/**
 * Who may ask, as it is kept: people, teams, projects and their keys. Records are values: a change is a whole new record
 * under the same id, and nothing is ever removed, so that every old bill still finds its names.
 */

import type { Operation } from '../canonical/envelope.ts'
import type { Brand } from '../std/brand.ts'

export type UserId = Brand<string, 'UserId'>
export type TeamId = Brand<string, 'TeamId'>
export type ProjectId = Brand<string, 'ProjectId'>
export type KeyId = Brand<string, 'KeyId'>

/** What its holder may do with the admin API: viewers read everything, members what is their own, admins change it, owners owners too. */
export type Role = 'owner' | 'admin' | 'member' | 'viewer'

export interface UserRecord {
  /** `usr_` and 32 hex digits. */
  readonly id: UserId
  /** Unique among users that are not disabled. */
  readonly name: string
  readonly email?: string
  readonly role: Role
  /** A program that has keys of its own and never signs in. */
  readonly isService: boolean
  readonly teamId?: TeamId
  readonly createdAtMs: number
  readonly disabledAtMs?: number
}

export interface TeamRecord {
  /** `team_` and 32 hex digits. */
  readonly id: TeamId
  readonly name: string
  readonly createdAtMs: number
  readonly archivedAtMs?: number
}

export interface ProjectRecord {
  /** `prj_` and 32 hex digits. */
  readonly id: ProjectId
  readonly name: string
  readonly teamId?: TeamId
  readonly limits?: RateLimits
  readonly createdAtMs: number
  readonly archivedAtMs?: number
}

/** What a key or a project may ask in a minute, and at one time. Absent: as much as it likes. */
export interface RateLimits {
  readonly requestsPerMinute?: number
  readonly inputTokensPerMinute?: number
  readonly outputTokensPerMinute?: number
  /** Input and output together. */
  readonly tokensPerMinute?: number
  readonly concurrentRequests?: number
}

/** Absent: everything. A name may end in `*`. */
export interface KeyScopes {
  readonly routes?: readonly string[]
  /** Models as clients name them, or `provider/model`. */
  readonly models?: readonly string[]
  readonly operations?: readonly Operation[]
}

/** A key, hashed under the pepper of one master secret. */
export interface KeyHash {
  /** HMAC-SHA-256 of the key under the pepper, base64url (SEC-9). */
  readonly hash: string
  /** Whose pepper it is, by a mark that tells nothing of the secret. */
  readonly hashedUnder: string
}

/** What is kept of a key: its hash under every master secret that was in use when it was hashed. */
export interface KeyHashes extends Omit<KeyHash, 'hashedUnder'> {
  /** As of `KeyHash`; absent where an earlier version made the key, and did not note it. */
  readonly hashedUnder?: string
  /** Under the others, so that whoever knows only one of them knows the key. */
  readonly otherHashes?: readonly KeyHash[]
}

export interface KeyRecord extends KeyHashes {
  /** `key_` and 32 hex digits. */
  readonly id: KeyId
  /** `data` asks models, `admin` the admin API; neither is worth anything at the other's door (SEC-16). */
  readonly kind: 'data' | 'admin'
  /** Unique among keys that are in force. */
  readonly name: string
  /** The last four characters, to tell keys apart by eye. */
  readonly hint: string
  readonly projectId?: ProjectId
  readonly userId?: UserId
  /** Of an admin key without a user. */
  readonly role?: Role
  readonly scopes: KeyScopes
  readonly limits?: RateLimits
  /** Whether what its requests ask and are answered is kept; absent: as `requests.keepBodies` of the file says. */
  readonly keepBodies?: boolean
  readonly createdAtMs: number
  readonly expiresAtMs?: number
  readonly revokedAtMs?: number
  /** The key that came in its place; this one is good until `expiresAtMs`. */
  readonly replacedBy?: KeyId
}

/** Everything that is known of who may ask, at one revision. */
export interface Directory {
  /** Grows with every change. */
  readonly revision: number
  readonly users: readonly UserRecord[]
  readonly teams: readonly TeamRecord[]
  readonly projects: readonly ProjectRecord[]
  readonly keys: readonly KeyRecord[]
}

/** A whole record, new or in place of the one with its id. */
export type DirectoryChange =
  | { readonly type: 'put-user'; readonly user: UserRecord }
  | { readonly type: 'put-team'; readonly team: TeamRecord }
  | { readonly type: 'put-project'; readonly project: ProjectRecord }
  | { readonly type: 'put-key'; readonly key: KeyRecord }
