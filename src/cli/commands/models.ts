/** `holdfast models`: everything that can be written as `model`. */

import { openInstruments } from '../../app/doctor/instruments.ts'
import { listAddressable, type ModelListing } from '../../app/list-models.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { loadOrPrint, withLocalServers } from './load-everything.ts'

/** Limit of asking the providers, all at once, ms. */
const ASK_MS = 8_000

export async function models(options: CommonOptions, io: CliIo): Promise<ExitCode> {
  const loaded = loadOrPrint(options, io)
  if (!loaded.ok) return loaded.exitCode
  const { secrets, providers } = loaded.config
  const instruments = openInstruments({ env: io.env, secrets, providers })
  try {
    const config = await withLocalServers(loaded.config, instruments, io.env)
    print(await listAddressable(config, instruments, ASK_MS), options, io)
    return exitCodes.ok
  } finally {
    await instruments.close()
  }
}

function print(listing: ModelListing, { json, quiet }: CommonOptions, io: CliIo): void {
  if (json) {
    printJson(io, listing)
    return
  }
  for (const { id, targets, isSimulated } of listing.models) {
    const note = targets ? ` -> ${targets.join(', ')}` : isSimulated ? ' (simulated)' : ''
    io.out(`${id}${io.style('dim', note)}`)
  }
  if (quiet) return
  for (const { provider, reason } of listing.silent) {
    io.err(
      `${io.style('yellow', 'note:')} ${provider} could not be asked (${reason}); address its models as ${provider}/model`,
    )
  }
}
