/** `holdfast import litellm`: says what becomes of every line of LiteLLM's file, and writes ours where told to. */

import { existsSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type ImportPlan, importLitellm } from '../../app/import-litellm/import-litellm.ts'
import type { Verdict } from '../../app/import-litellm/findings.ts'
import { IMPORT_BYTES_MAX } from '../../app/import-litellm/located.ts'
import { replaceFile } from '../../std/replace-file.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson, type Style } from '../io.ts'
import { codeOf } from '../settings-files.ts'
import { count } from '../words.ts'

export interface ImportCommandOptions extends CommonOptions {
  readonly apply?: boolean
  readonly out?: string
  readonly force?: boolean
}

const OUT_DEFAULT = 'holdfast.yaml'

export async function importCommand(
  file: string,
  options: ImportCommandOptions,
  io: CliIo,
): Promise<ExitCode> {
  const text = readText(resolve(io.directory, file))
  if (!text.ok) return refuse(`${file} ${text.message}`, options, io)
  const imported = importLitellm({ text: text.text, file, env: io.env })
  if (!imported.ok) return refuse(`${file}:${imported.line}: ${imported.message}`, options, io)
  const { plan } = imported
  const written = options.apply === true ? await apply(plan, options, io) : undefined
  if (options.json) {
    const { yaml: _, yamlWithoutSecrets, ...rest } = plan
    printJson(io, {
      ok: isSound(plan) && (written?.ok ?? true),
      file,
      ...rest,
      ...(yamlWithoutSecrets !== undefined && { yaml: yamlWithoutSecrets }),
      ...(written?.ok === true && { written: written.path }),
      ...(written?.ok === false && { message: written.message }),
    })
  } else print(plan, { file, options, io })
  if (written?.ok === false) {
    if (!options.json) io.err(written.message)
    return exitCodes.configuration
  }
  if (written !== undefined && !options.json && options.quiet !== true)
    io.err(`${written.path} is written; holdfast check looks at it`)
  return isSound(plan) ? exitCodes.ok : exitCodes.configuration
}

function isSound({ yaml, faults }: ImportPlan): boolean {
  return yaml !== undefined && faults.length === 0
}

type ReadText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string }

function readText(path: string): ReadText {
  try {
    if (statSync(path).size > IMPORT_BYTES_MAX)
      return {
        ok: false,
        message: `is larger than ${IMPORT_BYTES_MAX / 1024 ** 2} MiB, which no configuration needs`,
      }
    return { ok: true, text: readFileSync(path, 'utf8') }
  } catch (error) {
    return { ok: false, message: `cannot be read (${codeOf(error)}): is it there?` }
  }
}

type Applied = { readonly ok: true; readonly path: string } | { readonly ok: false; readonly message: string }

async function apply(
  plan: ImportPlan,
  { out = OUT_DEFAULT, force }: ImportCommandOptions,
  io: CliIo,
): Promise<Applied> {
  if (plan.yaml === undefined)
    return { ok: false, message: 'nothing could be carried over: nothing is written' }
  if (plan.faults.length > 0)
    return { ok: false, message: 'what was made does not pass our own check: nothing is written' }
  const path = resolve(io.directory, out)
  if (force !== true && existsSync(path))
    return {
      ok: false,
      message: `${out} is there already: give another name with --out, or --force to write over it`,
    }
  try {
    // Keys may stand in it as text: it is for its owner alone, also where the file before it was for everybody.
    if (force === true) await replaceFile(existsSync(path) ? realpathSync(path) : path, plan.yaml)
    else writeFileSync(path, plan.yaml, { mode: 0o600, flag: 'wx' })
    return { ok: true, path: out }
  } catch (error) {
    return { ok: false, message: `${out} cannot be written (${codeOf(error)})` }
  }
}

interface Printing {
  readonly file: string
  readonly options: ImportCommandOptions
  readonly io: CliIo
}

const styles: Readonly<Record<Verdict, Style>> = { maps: 'green', changes: 'yellow', cannot: 'red' }

function print(plan: ImportPlan, { file, options, io }: Printing): void {
  const { findings, yamlWithoutSecrets, missing, steps, faults } = plan
  const shown = options.quiet === true ? findings.filter(({ verdict }) => verdict !== 'maps') : findings
  for (const { verdict, line, path, message } of shown)
    io.out(`${file}:${line}: ${io.style(styles[verdict], verdict.padEnd(7))} ${path}: ${message}`)
  if (yamlWithoutSecrets !== undefined && options.apply !== true && options.quiet !== true)
    io.out(`\n${io.style('bold', OUT_DEFAULT)} would be:\n\n${yamlWithoutSecrets}`)
  for (const step of steps) io.out(`then: ${step}`)
  for (const fault of faults) io.err(fault)
  if (options.quiet === true) return
  if (missing.length > 0) io.err(`${io.style('yellow', 'note:')} not set here: ${missing.join(', ')}`)
  const of = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict).length
  io.err(`${count(of('maps'), 'line')} map, ${of('changes')} change, ${of('cannot')} cannot`)
  if (yamlWithoutSecrets === undefined) io.err('nothing could be carried over')
  else if (options.apply !== true && faults.length === 0) io.err('nothing is written; --apply writes it')
}

function refuse(message: string, { json }: ImportCommandOptions, io: CliIo): ExitCode {
  if (json) printJson(io, { ok: false, message })
  else io.err(message)
  return exitCodes.configuration
}
