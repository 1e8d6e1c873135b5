/** Replays the corpus, whole or in part, and counts what came of it. */

import { corpusFiles, readCorpusFile } from './corpus.ts'
import { dialectOfFile } from './oracle/verdict.ts'
import { replay } from './replay.ts'
import { gateway, type Room } from './room.ts'
import { Tally } from './tally.ts'

export interface RunOptions {
  readonly folder: string
  readonly seed: number
  /** Only the files of this dialect. */
  readonly only?: string
  /** Only exchanges whose id holds this. */
  readonly id?: string
  /** One exchange of each group of near-duplicates, and of those every so many. */
  readonly sampleEvery?: number
  readonly room?: Room
  onFile?(file: string): void
}

export async function runCorpus(options: RunOptions): Promise<Tally> {
  const { folder, only, room = gateway } = options
  const tally = new Tally()
  for (const file of corpusFiles(folder)) {
    const id = dialectOfFile(file)
    if (only !== undefined && only !== id && only !== file) continue
    options.onFile?.(file)
    await runFile(file, { ...options, room }, tally)
  }
  return tally
}

async function runFile(
  file: string,
  options: RunOptions & { readonly room: Room },
  tally: Tally,
): Promise<void> {
  const { folder, id, seed, room, sampleEvery = 1 } = options
  const { recordings, faults } = readCorpusFile(folder, file)
  for (const fault of faults) tally.addFault(fault)
  const dialect = dialectOfFile(file)
  if (dialect === undefined || !room.targetDialects.has(dialect)) {
    tally.addUncovered(file, recordings.length)
    return
  }
  const groups = new Set<string>()
  for (const recording of recordings) {
    if (id !== undefined && !recording.id.includes(id)) continue
    if (sampleEvery > 1) {
      if (groups.has(recording.group)) continue
      groups.add(recording.group)
      if (groups.size % sampleEvery !== 1) continue
    }
    tally.add(recording, await replay(recording, { seed, room }))
  }
}
