/** The command line: what can be said, and its help. Each command's code is loaded only when it is called. */

import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { readVersion } from '../app/version.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { common, examples, withOutput } from './command-parts.ts'
import type { CliIo } from './io.ts'
import { addKeepingCommands } from './keeping-commands.ts'

/** Runs one command line (without the program's own name) to its end. */
export async function runCommandLine(words: readonly string[], io: CliIo): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok
  const program = createProgram(io, (code) => {
    exitCode = code
  })
  try {
    await program.parseAsync([...words], { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.configuration
    throw error
  }
}

/** The whole command tree; `done` is told how the called command ended. */
export function createProgram(io: CliIo, done: (code: ExitCode) => void): Command {
  const program = new Command('holdfast')
    .description('A self-hosted gateway between programs and large models.')
    .version(readVersion(), '-V, --version', 'say which version this is')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.err(text.trimEnd()),
    })
    .showHelpAfterError('(holdfast --help shows what can be said)')
    .addHelpText(
      'after',
      examples(['holdfast start', 'holdfast check && holdfast doctor', 'holdfast models --json']),
    )
    .addHelpText('after', exitCodesHelp)

  common(program.command('start'))
    .description('Start the gateway and serve until told to stop.')
    .option('--listen <host:port>', 'address to listen on instead of what the file says')
    .option(
      '--admin <host:port>',
      'address of the admin listener instead of what the file says; off for none',
    )
    .option('--memory', 'keep keys, budgets and books in memory, unless the file says where')
    .addOption(
      new Option('--log-level <level>', 'how much is logged').choices([
        'debug',
        'info',
        'warn',
        'error',
        'silent',
      ]),
    )
    .addHelpText(
      'after',
      examples([
        'holdfast start',
        'OPENAI_API_KEY=... holdfast start --listen 127.0.0.1:5151',
        'holdfast start --config prod.yaml --json',
      ]),
    )
    .action(async (options) => done(await (await import('./commands/start.ts')).start(options, io)))

  common(program.command('check'))
    .description('Check the configuration and say all that is wrong with it.')
    .option('--listen <host:port>', 'check with this address instead of what the file says')
    .addHelpText(
      'after',
      examples(['holdfast check', 'holdfast check --config prod.yaml', 'holdfast check --json']),
    )
    .action(async (options) => done(await (await import('./commands/check.ts')).check(options, io)))

  common(program.command('doctor'))
    .description(
      'Try every provider (name, certificate, key, a completion, a streamed tool call) and this machine.',
    )
    .option('--provider <id...>', 'only these providers')
    .option('--timeout <seconds>', 'limit of each check', positiveNumber, 20)
    .addHelpText(
      'after',
      examples([
        'holdfast doctor',
        'holdfast doctor --provider openai anthropic',
        'holdfast doctor --quiet --timeout 5',
      ]),
    )
    .action(async (options) => done(await (await import('./commands/doctor.ts')).doctor(options, io)))

  common(program.command('models'))
    .description('List every model that can be asked for.')
    .addHelpText(
      'after',
      examples(['holdfast models', 'holdfast models --json', 'holdfast models | grep mini']),
    )
    .action(async (options) => done(await (await import('./commands/models.ts')).models(options, io)))

  common(program.command('status'))
    .description(
      'Ask a running gateway how it and its targets are: 0 when all is well, 1 when something is not.',
    )
    .option('--url <url>', 'address of the admin listener instead of what the file says')
    .addHelpText(
      'after',
      examples(['holdfast status', 'holdfast status --json', 'holdfast status --url http://127.0.0.1:4142']),
    )
    .action(async (options) => done(await (await import('./commands/status.ts')).status(options, io)))

  common(program.command('drill'))
    .description(
      'Play a day with something going wrong against this configuration, and judge each route. Nothing is dialled.',
    )
    .argument('[scenario]', 'a scenario by name, with parameters after a colon, or a YAML file', 'outage')
    .option('--route <name>', 'only this route')
    .option('--requests <number>', 'requests of the day', wholeUpTo(1, REQUESTS_MAX))
    .option('--seed <number>', 'the same seed gives the same report', wholeUpTo(0, SEED_MAX), 1)
    .option('--html <file>', 'also write the report as a page with charts')
    .option('--list', 'list the scenarios there are')
    .addHelpText(
      'after',
      examples([
        'holdfast drill --list',
        'holdfast drill outage',
        'holdfast drill 429-storm:provider=openai,for=30m --html drill.html',
        'holdfast drill truncated-streams:share=5%,answered=99.9% --json',
        'holdfast drill my-day.yaml --route smart',
      ]),
    )
    .action(async (scenario, options) =>
      done(await (await import('./commands/drill.ts')).drill(scenario, options, io)),
    )

  common(program.command('env'))
    .description('Say, or write, what a client needs to use this gateway.')
    .argument('[client]', 'claude-code, codex, gemini-cli, opencode, ...; --list has them all')
    .option('--list', 'list the clients there are')
    .option('--url <url>', 'address of the gateway instead of what the file says')
    .option('--key <name>', 'name of the key to use; - reads the key itself from standard input')
    .option('--model <model>', 'what the client is to ask for')
    .addOption(new Option('--shell <shell>', 'whose lines to print').choices(['bash', 'fish', 'powershell']))
    .option('--write', "write the client's own settings, keeping the rest of them and a copy")
    .option('--dry-run', 'with --write: show what would change')
    .addHelpText(
      'after',
      examples([
        'holdfast env --list',
        'eval "$(holdfast env claude-code)"',
        'holdfast env codex --write --dry-run',
        'holdfast env opencode --write --model smart',
        'holdfast env claude-code --write --key - < key.txt',
      ]),
    )
    .action(async (client, options) =>
      done(await (await import('./commands/env.ts')).env(client, options, io)),
    )

  withOutput(program.command('import'))
    .description("Make holdfast.yaml from another gateway's configuration, with a word on every line of it.")
    .addArgument(new Argument('<gateway>', 'whose configuration it is').choices(['litellm']))
    .argument('<file>', 'its configuration file')
    .option('--apply', 'write the file; without it only what would become of it is said')
    .option('--out <file>', 'where to write instead of ./holdfast.yaml')
    .option('--force', 'write over a file that is there')
    .addHelpText(
      'after',
      examples([
        'holdfast import litellm litellm_config.yaml',
        'holdfast import litellm litellm_config.yaml --apply',
        'holdfast import litellm litellm_config.yaml --apply --out new.yaml --json',
      ]),
    )
    .action(async (_, file, options) =>
      done(await (await import('./commands/import-litellm.ts')).importCommand(file, options, io)),
    )

  withOutput(program.command('simulate'))
    .description('Serve made-up answers in every dialect, with faults on demand.')
    .option('--port <number>', 'port to listen on', port, 4242)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--scenario <file>', 'how to behave, as YAML')
    .option('--fault <name>', 'a fault that befalls every call')
    .option('--list-faults', 'list the faults there are')
    .option('--first-token-ms <ms>', 'silence before the first token', notNegative)
    .option('--per-token-ms <ms>', 'silence before each further token', notNegative)
    .addHelpText(
      'after',
      examples([
        'holdfast simulate',
        'holdfast simulate --port 5252 --first-token-ms 300 --per-token-ms 20',
        'holdfast simulate --list-faults',
        'holdfast simulate --scenario outage.yaml --json',
      ]),
    )
    .action(async (options) => done(await (await import('./commands/simulate.ts')).simulate(options, io)))

  addKeepingCommands(program, io, done)

  withOutput(program.command('version'))
    .description('Say which version this is.')
    .addHelpText('after', examples(['holdfast version', 'holdfast version --json']))
    .action(async (options) => done(await (await import('./commands/version.ts')).version(options, io)))

  return program
}

const exitCodesHelp = `
Exit codes:
  0    done, and all is well
  1    something failed, or a provider is unhealthy
  2    the configuration or the command line is wrong
  3    the address cannot be listened on
  4    this machine or its environment does not allow it
  5    no gateway answers there
  130  interrupted`

function port(text: string): number {
  const value = Number(text)
  if (/^\d{1,5}$/.test(text) && value <= 65_535) return value
  throw new InvalidArgumentError('A port is a number from 0 to 65535.')
}

function positiveNumber(text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0 && value <= 3_600) return value
  throw new InvalidArgumentError('Give a number of seconds, at most 3600.')
}

/** Requests of one played day: more would take many minutes and say nothing new. */
const REQUESTS_MAX = 1_000_000
/** Seeds are 32 bits. */
const SEED_MAX = 0xffff_ffff

function wholeUpTo(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d{1,10}$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`)
  }
}

function notNegative(text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value >= 0 && value <= 3_600_000) return value
  throw new InvalidArgumentError('Give a number of milliseconds.')
}
