/** Whether the node that has something leased lives, as far as it can be told from this machine. */

import type { SeenLease } from '../ledger/ledger-store.ts'
import { foldersIn, signOf } from './book-folders.ts'

export type HolderState =
  /** The store heard of it of late, or its process runs on this machine. */
  | 'running'
  /** Its folder of books is here, and is that of a process of another machine or container. */
  | 'elsewhere'
  /** Its folder of books is here, and its process is over: the next gateway on it brings the books in and gives its leases back. */
  | 'ended'
  /** Nothing here tells of it. */
  | 'unseen'

/** `root`: the folder of all nodes' folders, as this store's gateways on this machine have it. */
export function holderState(
  { nodeId, seenMsAgo }: Pick<SeenLease, 'nodeId' | 'seenMsAgo'>,
  root: string | undefined,
): HolderState {
  if (seenMsAgo !== undefined) return 'running'
  const folder = root === undefined ? undefined : foldersIn(root).find((one) => one.nodeId === nodeId)
  if (folder === undefined) return 'unseen'
  switch (signOf(folder).type) {
    case 'running':
      return 'running'
    case 'distant':
      return 'elsewhere'
    case 'gone':
      return 'ended'
  }
}
