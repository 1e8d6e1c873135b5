/**
 * Notices that the process is out of file descriptors. The kernel's refusal never reaches us on Linux: libuv accepts and
 * closes such connections by itself and tells nobody, so the only way to know is to try to open something.
 */

import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import { codeOf } from './malformed-request.ts'

/** `EMFILE` or its like where nothing can be opened now; takes a few microseconds. */
export function probeDescriptors(): string | undefined {
  try {
    closeSync(openSync(devNull, 'r'))
    return undefined
  } catch (error) {
    return error instanceof Error ? codeOf(error) : undefined
  }
}
