/** `holdfast version`. */

import { readVersion } from '../../app/version.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'

export async function version({ json }: CommonOptions, io: CliIo): Promise<ExitCode> {
  const facts = {
    version: readVersion(),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
  }
  if (json) printJson(io, facts)
  else io.out(`holdfast ${facts.version} (Node ${facts.node}, ${facts.platform})`)
  return exitCodes.ok
}
