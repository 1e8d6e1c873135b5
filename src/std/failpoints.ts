/**
 * Points at which a process can be told to die, for proofs that a kill loses nothing. `HOLDFAST_FAILPOINT=held:3` kills it
 * at the third pass of `held`, as `kill -9` does: nothing is said, flushed or closed. Without the variable a pass costs
 * one comparison.
 */

export type Failpoint =
  /** A request was accepted, and nothing of it stands in the log yet. */
  | 'accepted'
  /** The money is held and the log has it; the provider was not called. */
  | 'held'
  /** The provider has begun to answer. */
  | 'sent'
  | 'first-token'
  /** Bytes of a stream went to the client, and there are more. */
  | 'mid-stream'
  /** A request ended, and the log does not say so yet. */
  | 'terminal-not-flushed'
  /** The log has its lines, and the store has none of them. */
  | 'flushed'
  /** A batch is about to go to the store. */
  | 'settled-unposted'
  /** Inside the transaction of a batch, before it is committed. */
  | 'posting'
  /** Inside the transaction that makes a block of what was posted. */
  | 'building'
  /** The batch is committed, and nobody here knows it yet. */
  | 'posted'
  /** What a dead process left is in the store, and its leases are not given back. */
  | 'recovering'
  /** Inside the transaction that brings the schema up to date. */
  | 'migrating'
  /** Inside the transaction that changes keys, projects, teams or users. */
  | 'directory-changing'

const [NAME, NTH = '1'] = (process.env['HOLDFAST_FAILPOINT'] ?? '').split(':')
let passesLeft = Number(NTH)

/** Ends the process where it was told to die here, at this pass. */
export function failpoint(name: Failpoint): void {
  if (name !== NAME) return
  passesLeft -= 1
  if (passesLeft === 0) process.kill(process.pid, 'SIGKILL')
}
