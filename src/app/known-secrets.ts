/**
 * Which master secrets a store was used with, remembered beside it by marks that tell nothing of them: with another one
 * every key would look like a stranger's and no answer could be opened, so the start is refused instead (SEC-26).
 */

import { readFileIfThere, replaceFile } from '../std/replace-file.ts'
import type { Sealer } from '../std/sealer.ts'

/** Of the mark that is kept; the rest of it would be of no more use. */
const MARK_BYTES = 16
/** Marks of one store: one for each rotation. */
const MARKS_MAX = 64

/** Rejects where none of the secrets at hand is one that was used before. What cannot be written is not remembered. */
export async function checkSecretsKnown(path: string, sealer: Pick<Sealer, 'deriveKeys'>): Promise<void> {
  const marks = sealer.deriveKeys('mark').map((key) => key.subarray(0, MARK_BYTES).toString('hex'))
  const known = ((await readFileIfThere(path)) ?? '').split('\n').filter((line) => line !== '')
  if (known.length > 0 && !marks.some((mark) => known.includes(mark)))
    throw new Error(
      `The master secret is not the one that this store was used with (${path} has the marks of those that were): give that one back, in HOLDFAST_MASTER_KEY, masterKey or the file it was in; to change it, name both with a comma between them, the new one first.`,
    )
  const [newest = ''] = marks
  if (known.includes(newest)) return
  const all = [...known, newest].slice(-MARKS_MAX)
  // A disk that takes nothing keeps nobody from starting.
  await replaceFile(path, `${all.join('\n')}\n`).catch(() => undefined)
}
