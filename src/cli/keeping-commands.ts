/** The commands that work with what is kept: keys, budgets, what was spent, what was served. Their code is loaded when one is called. */

import { Argument, type Command, Option } from 'commander'
import { REQUEST_STATES } from '../reports/request-states.ts'
import { common, examples } from './command-parts.ts'
import type { ExitCode } from './exit-codes.ts'
import type { CliIo } from './io.ts'

type Done = (code: ExitCode) => void

export function addKeepingCommands(program: Command, io: CliIo, done: Done): void {
  addKey(program, io, done)
  addBudget(program, io, done)
  addLease(program, io, done)
  addPeople(program, io, done)
  addUsage(program, io, done)
  addLogs(program, io, done)
  addReplay(program, io, done)
  addAudit(program, io, done)
  addCache(program, io, done)
  addSecret(program, io, done)
  addStores(program, io, done)
}

/** A command that only has commands of its own: each of them takes --json. */
function group(program: Command, name: string, description: string, lines: readonly string[]): Command {
  return program
    .command(name)
    .description(description)
    .addHelpText('after', `${examples(lines)}\n\nEach takes --json, --quiet and --config.`)
}

const roles = ['owner', 'admin', 'member', 'viewer']

/** What a key may ask for; nothing said: everything. */
function scopes(command: Command): Command {
  return command
    .option('--models <names>', 'models it may ask for, with commas; a name may end in *')
    .option('--routes <names>', 'routes it may ask for, with commas')
    .option('--operations <names>', 'what it may do: chat, embeddings, ...')
}

/** Those of a key, and of a project, which all of its keys have together. */
function limits(command: Command): Command {
  return command
    .option('--rpm <number>', 'requests a minute')
    .option('--input-tpm <number>', 'tokens of input a minute')
    .option('--output-tpm <number>', 'tokens of output a minute')
    .option('--tpm <number>', 'tokens a minute, input and output together')
    .option('--concurrency <number>', 'requests at one time')
}

function addKey(program: Command, io: CliIo, done: Done): void {
  const load = () => import('./commands/key.ts')
  const key = group(program, 'key', 'Make, list, change, revoke and rotate client keys.', [
    'holdfast key create laptop --budget 5/day',
    'holdfast key list',
    'holdfast key set laptop --rpm 60 --expires 30d',
    'holdfast key rotate laptop --overlap 24h',
    'holdfast key revoke laptop',
  ])
  scopes(limits(common(key.command('create'))))
    .description('Make a key; it is shown this once.')
    .argument('<name>', 'what it is called')
    .option('--project <name>', 'the project it belongs to')
    .option('--user <name>', 'the user it belongs to')
    .option('--budget <amount>', 'dollars it may spend: 5/day, 20/month, "0.01 total"')
    .option('--expires <time>', 'how long it is good: 30d, 12h')
    .option('--keep-bodies', 'keep what is asked and answered with it, sealed, for logs show and replay')
    .option('--no-keep-bodies', 'never keep that, whatever the file says')
    .option('--admin', 'for the admin API instead of for models')
    .addOption(new Option('--role <role>', 'what an admin key may do; viewer unless said').choices(roles))
    .addHelpText(
      'after',
      examples([
        'holdfast key create laptop --budget 5/day',
        'holdfast key create trial --budget "0.01 total" --models smart --expires 30d',
        'export HOLDFAST_KEY="$(holdfast key create laptop --quiet)"',
        'holdfast key create ops --admin --role viewer --json',
      ]),
    )
    .action(async (name, options) => done(await (await load()).keyCreate(name, options, io)))
  common(key.command('list'))
    .description('List the keys in force.')
    .option('--all', 'revoked and expired ones as well')
    .option('--csv', 'as comma-separated values')
    .addHelpText(
      'after',
      examples([
        'holdfast key list',
        'holdfast key list --all --json',
        'holdfast key list --all --csv > keys.csv',
      ]),
    )
    .action(async (options) => done(await (await load()).keyList(options, io)))
  scopes(limits(common(key.command('set'))))
    .description('Change what a key may do; what is not named stays as it is.')
    .argument('<name>', 'its name, or its id')
    .option('--expires <time>', 'how long it is good from now on: 30d, 12h')
    .option('--keep-bodies', 'keep what is asked and answered with it, sealed')
    .option('--no-keep-bodies', 'never keep that, whatever the file says')
    .option('--unset <names>', 'take away, with commas: the flags above without their dashes')
    .addHelpText(
      'after',
      examples([
        'holdfast key set laptop --rpm 60 --models smart,fast',
        'holdfast key set laptop --expires 30d --unset rpm,models',
      ]),
    )
    .action(async (name, options) =>
      done(await (await import('./commands/key-set.ts')).keySet(name, options, io)),
    )
  common(key.command('revoke'))
    .description('Make a key worthless, within a second where the gateway runs.')
    .argument('<name>', 'its name, or its id')
    .addHelpText('after', examples(['holdfast key revoke laptop']))
    .action(async (name, options) => done(await (await load()).keyRevoke(name, options, io)))
  common(key.command('rotate'))
    .description('Make a new key in place of one, which is good for a while longer.')
    .argument('<name>', 'its name, or its id')
    .option(
      '--overlap <time>',
      'how long the old one is still good, 90d at most; 0: not at all (default: 24h)',
    )
    .option(
      '--expires <time>',
      'how long the new one is good: 30d, 12h (default: until the end of the old one)',
    )
    .addHelpText(
      'after',
      examples([
        'holdfast key rotate laptop',
        'holdfast key rotate laptop --overlap 0',
        'holdfast key rotate laptop --expires 30d',
      ]),
    )
    .action(async (name, options) => done(await (await load()).keyRotate(name, options, io)))
}

function addBudget(program: Command, io: CliIo, done: Done): void {
  const load = () => import('./commands/budget.ts')
  const budget = group(program, 'budget', 'Set, list, change and remove budgets.', [
    'holdfast budget create --for key:laptop --limit 5 --per day',
    'holdfast budget list',
    'holdfast budget set key:laptop --limit 10',
    'holdfast budget remove key:laptop',
  ])
  common(budget.command('create'))
    .description('Set a budget: in force within a second where the gateway runs.')
    .requiredOption('--for <scope>', 'key:NAME, project:, team:, user:, tag:, end-user:, model:, or all')
    .requiredOption('--limit <dollars>', 'how much')
    .requiredOption('--per <period>', 'day, week, month (UTC), or total')
    .option('--name <name>', 'what it is called, instead of what it is for')
    .option('--owner <text>', 'whom to ask for more; told to clients when it is spent')
    .addHelpText(
      'after',
      examples([
        'holdfast budget create --for key:laptop --limit 5 --per day',
        'holdfast budget create --for project:search --limit 200 --per month --owner "ops, room 12"',
        'holdfast budget create --for all --limit 1000 --per month --json',
      ]),
    )
    .action(async (options) => done(await (await load()).budgetCreate(options, io)))
  common(budget.command('list'))
    .description('List the budgets with what is spent of them.')
    .option('--all', 'removed ones as well')
    .option('--csv', 'as comma-separated values')
    .addHelpText(
      'after',
      examples([
        'holdfast budget list',
        'holdfast budget list --json',
        'holdfast budget list --csv > budgets.csv',
      ]),
    )
    .action(async (options) => done(await (await load()).budgetList(options, io)))
  common(budget.command('set'))
    .description('Change a budget; what was spent stays spent.')
    .argument('<name>', 'its name, or its id')
    .option('--limit <dollars>', 'how much')
    .option('--owner <text>', 'whom to ask for more')
    .addHelpText('after', examples(['holdfast budget set key:laptop --limit 10']))
    .action(async (name, options) => done(await (await load()).budgetSet(name, options, io)))
  common(budget.command('remove'))
    .description('Remove a budget: it bounds nothing any more.')
    .argument('<name>', 'its name, or its id')
    .addHelpText('after', examples(['holdfast budget remove key:laptop']))
    .action(async (name, options) => done(await (await load()).budgetRemove(name, options, io)))
}

function addLease(program: Command, io: CliIo, done: Done): void {
  const load = () => import('./commands/lease.ts')
  const lease = group(
    program,
    'lease',
    'See what gateways have leased of budgets, and give back what a lost one has.',
    ['holdfast lease list', 'holdfast lease release node_0123456789abcdef0123456789abcdef'],
  )
  common(lease.command('list'))
    .description('List which run of a gateway has how much of which budget leased.')
    .addHelpText('after', examples(['holdfast lease list', 'holdfast lease list --json']))
    .action(async (options) => done(await (await load()).leaseList(options, io)))
  common(lease.command('release'))
    .description('Give back what a run has leased whose machine is gone for good.')
    .argument('<node>', 'as in holdfast lease list')
    .option('--force', 'also of one that may still run, which can spend it as well until it hears of it')
    .addHelpText('after', examples(['holdfast lease release node_0123456789abcdef0123456789abcdef']))
    .action(async (node, options) => done(await (await load()).leaseRelease(node, options, io)))
}

function addPeople(program: Command, io: CliIo, done: Done): void {
  const load = () => import('./commands/people.ts')
  const kinds = { project: 'projects', team: 'teams', user: 'users' } as const
  for (const kind of ['project', 'team', 'user'] as const) {
    const many = kinds[kind]
    const verbs = kind === 'project' ? 'Make, list and change' : 'Make and list'
    const parent = group(program, kind, `${verbs} ${many}.`, [
      `holdfast ${kind} create ${kind === 'user' ? 'ada --team search' : 'search'}`,
      `holdfast ${kind} list --json`,
    ])
    const create = common(parent.command('create'))
      .description(`Make a ${kind}.`)
      .argument('<name>', 'its name')
    if (kind !== 'team') create.option('--team <name>', 'the team it belongs to')
    if (kind === 'project') limits(create)
    if (kind === 'user')
      create
        .option('--email <address>', 'where to reach them')
        .addOption(new Option('--role <role>', 'what they may do; member unless said').choices(roles))
        .option('--service', 'a program, which never signs in')
    create
      .addHelpText('after', examples([`holdfast ${kind} create ${kind === 'user' ? 'ada' : 'search'}`]))
      .action(async (name, options) => {
        const { projectCreate, teamCreate, userCreate } = await load()
        const make = { project: projectCreate, team: teamCreate, user: userCreate }[kind]
        done(await make(name, options, io))
      })
    const list = common(parent.command('list')).description(`List the ${many}.`)
    if (kind === 'project') list.option('--csv', 'as comma-separated values')
    list
      .addHelpText('after', examples([`holdfast ${kind} list`]))
      .action(async (options) => done(await (await load()).peopleList(kind, options, io)))
    if (kind === 'project') addProjectSet(parent, io, done)
  }
}

function addProjectSet(parent: Command, io: CliIo, done: Done): void {
  limits(common(parent.command('set')))
    .description('Change a project; what is not named stays as it is.')
    .argument('<name>', 'its name, or its id')
    .option('--team <name>', 'the team it belongs to')
    .option('--name <name>', 'what it is called from now on')
    .option('--unset <names>', 'take away, with commas: team, or a limit by its flag without the dashes')
    .addHelpText(
      'after',
      examples([
        'holdfast project set search --rpm 600 --team search',
        'holdfast project set search --unset rpm',
      ]),
    )
    .action(async (name, options) =>
      done(await (await import('./commands/people.ts')).projectSet(name, options, io)),
    )
}

/** Which entries count; `--key` takes a name. */
function filters(command: Command): Command {
  return command
    .option('--key <name>', 'only of this key, before and after every rotation; by its id: of that one alone')
    .option('--project <name>', 'only of this project')
    .option('--team <name>', 'only of this team')
    .option('--user <name>', "only of this user's keys")
    .option('--end-user <name>', 'only for this person, as clients say it')
    .option('--tag <tag>', 'only with this tag')
    .option('--session <id>', 'only of this session')
    .option('--route <name>', 'only through this route')
    .option('--model <name>', 'only for this model, as clients ask for it')
    .option('--target <provider/model>', 'only at this target')
    .option('--provider <id>', 'only at this provider; of requests, those with any attempt there')
    .option('--from <moment>', '2026-11-01, 2026-11-01T12:00 (UTC), or 7d for seven days ago')
    .option('--until <moment>', 'the same; default: now')
}

function addUsage(program: Command, io: CliIo, done: Done): void {
  filters(common(program.command('usage')))
    .description('Say what was spent, this month unless told otherwise.')
    .option(
      '--by <dimensions>',
      'up to three of key, project, team, user, end-user, tag, session, route, model, target, provider, hour, day, month',
    )
    .option('--csv', 'as comma-separated values')
    .addHelpText(
      'after',
      examples([
        'holdfast usage',
        'holdfast usage --by model,day --from 7d',
        'holdfast usage --by key --from 2026-11-01 --until 2026-12-01 --csv > november.csv',
      ]),
    )
    .action(async (options) => done(await (await import('./commands/usage.ts')).usage(options, io)))
}

function addLogs(program: Command, io: CliIo, done: Done): void {
  const load = () => import('./commands/logs.ts')
  const logs = filters(common(program.command('logs')))
    .description('Show the requests that were served, the newest last.')
    .option('-f, --follow', 'go on showing them as they end')
    .option('--limit <number>', 'how many, at most 500 (default: 20)')
    .addOption(new Option('--state <state>', 'only those that ended so').choices(REQUEST_STATES))
    .option('--code <code>', 'only those that failed so')
    .addHelpText(
      'after',
      examples([
        'holdfast logs --follow',
        'holdfast logs --key laptop --state failed --from 1h',
        'holdfast logs show req_0123456789abcdef0123456789abcdef',
      ]),
    )
    .action(async (options) => done(await (await load()).logs(options, io)))
  common(logs.command('show'))
    .description('Show one request with every attempt, when it was made and what it cost.')
    .argument('<request-id>', 'as in x-request-id and in holdfast logs')
    .option('--bodies', 'what was asked and answered as well, where that is kept; the audit log tells of it')
    .addHelpText(
      'after',
      examples([
        'holdfast logs show req_0123456789abcdef0123456789abcdef',
        'holdfast logs show req_0123456789abcdef0123456789abcdef --bodies',
      ]),
    )
    .action(async (id, _, command: Command) =>
      done(await (await load()).logsShow(id, command.optsWithGlobals(), io)),
    )
}

function addReplay(program: Command, io: CliIo, done: Done): void {
  common(program.command('replay'))
    .description('Ask again what was asked, of another model if told so, and compare.')
    .argument('<request-id>', 'as in x-request-id and in holdfast logs')
    .option('--model <model>', 'what to ask instead')
    .option('--body <file>', 'what was asked, as JSON; needed where bodies are not kept')
    .option('--url <url>', 'address of the gateway instead of what the file says')
    .addHelpText(
      'after',
      `${examples([
        'holdfast replay req_0123456789abcdef0123456789abcdef --model other',
        'HOLDFAST_KEY=... holdfast replay req_0123456789abcdef0123456789abcdef --body request.json --json',
      ])}\n\nThe key is taken from HOLDFAST_KEY.`,
    )
    .action(async (id, options) => done(await (await import('./commands/replay.ts')).replay(id, options, io)))
}

function addAudit(program: Command, io: CliIo, done: Done): void {
  const load = () => import('./commands/audit.ts')
  const audit = group(program, 'audit', 'Look at the log of who changed what, and check that it is whole.', [
    'holdfast audit verify',
    'holdfast audit list --limit 50',
  ])
  common(audit.command('verify'))
    .description('Check every line against the one before it: 0 when all is whole, 1 when not.')
    .addHelpText('after', examples(['holdfast audit verify', 'holdfast audit verify --json']))
    .action(async (options) => done(await (await load()).auditVerify(options, io)))
  common(audit.command('list'))
    .description('Show the last lines.')
    .option('--limit <number>', 'how many, at most 500 (default: 20)')
    .addHelpText('after', examples(['holdfast audit list']))
    .action(async (options) => done(await (await load()).auditList(options, io)))
}

function addCache(program: Command, io: CliIo, done: Done): void {
  const load = () => import('./commands/cache.ts')
  const cache = group(program, 'cache', 'Empty the cache of answers.', ['holdfast cache clear'])
  common(cache.command('clear'))
    .description('Remove answers from the cache: none is given within two seconds where the gateway runs.')
    .option('--project <name>', "only those of this project's keys")
    .option('--key <name>', 'only those of this key, which belongs to no project')
    .addHelpText('after', examples(['holdfast cache clear', 'holdfast cache clear --project search --json']))
    .action(async (options) => done(await (await load()).cacheClear(options, io)))
}

function addSecret(program: Command, io: CliIo, done: Done): void {
  const load = () => import('./commands/secret.ts')
  const secret = group(program, 'secret', 'Look at a rotation of the master secret.', [
    'holdfast secret status',
  ])
  common(secret.command('status'))
    .description('Say what still needs an older master secret, and when that may be taken out.')
    .addHelpText('after', examples(['holdfast secret status', 'holdfast secret status --json']))
    .action(async (options) => done(await (await load()).secretStatus(options, io)))
}

function addStores(program: Command, io: CliIo, done: Done): void {
  common(program.command('backup'))
    .description('Copy the store into a file, while it is in use.')
    .argument('<file>', 'where to')
    .addHelpText('after', examples(['holdfast backup holdfast-2026-11-29.db']))
    .action(async (file, options) =>
      done(await (await import('./commands/backup.ts')).backup(file, options, io)),
    )
  const kinds = ['sqlite', 'postgres']
  common(program.command('migrate'))
    .description('Copy everything that is kept into another store. Stop the gateway first.')
    .addArgument(new Argument('<from>', 'what to copy').choices(kinds))
    .addArgument(new Argument('<to>', 'where to').choices(kinds))
    .option('--sqlite <file>', "SQLite's file instead of the configuration's")
    .option('--folder <path>', 'where this node keeps what a PostgreSQL database does not have yet')
    .addHelpText(
      'after',
      `${examples([
        'DATABASE_URL=postgres://... holdfast migrate sqlite postgres',
        'holdfast migrate postgres sqlite --sqlite copy.db --json',
      ])}\n\nThe address of the database is the configuration's, or DATABASE_URL.`,
    )
    .action(async (from, to, options) =>
      done(await (await import('./commands/migrate.ts')).migrate(from, to, options, io)),
    )
}
