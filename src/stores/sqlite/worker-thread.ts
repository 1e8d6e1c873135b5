/** The facade's end of a thread that has the file open. */

import type { Notice } from '../../std/notice.ts'
import { errorOf } from '../worker-calls.ts'
import { WorkerThread as Thread } from '../worker-thread.ts'
import { CorruptFile } from './database.ts'
import type { Operations, WorkerSetup } from './protocol.ts'

export class WorkerThread extends Thread<Operations> {
  constructor(setup: WorkerSetup, onNotice?: (notice: Notice) => void) {
    super({
      name: `sqlite-${setup.role}`,
      onNotice,
      file: new URL('./sqlite-worker.ts', import.meta.url),
      setup,
      errorOf: (kind, message) => (kind === 'corrupt' ? new CorruptFile(message) : errorOf(kind, message)),
    })
  }
}
