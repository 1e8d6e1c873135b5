/** RELIABILITY.json holds what several long runs came to, each in a section of its own. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isJsonObject, parseJson } from '../src/std/json.ts'
import { repositoryRoot } from '../tools/checks/source-files.ts'

const FILE = join(repositoryRoot, 'RELIABILITY.json')

/** Sections of other commands, beside the simulation's own figures. */
const OTHER_SECTIONS = ['crashes', 'soak'] as const

/** What the simulation came to; the other sections stay. */
export async function writeOwnPart(value: object): Promise<void> {
  const file = await readReliability()
  const others = OTHER_SECTIONS.flatMap((name) => (file[name] === undefined ? [] : [[name, file[name]]]))
  await write({ ...value, ...Object.fromEntries(others) })
}

/** `crashes.sqlite` is the part `sqlite` of the section `crashes`. */
export async function writeSection(name: string, value: object): Promise<void> {
  const [section = name, part] = name.split('.')
  const file = await readReliability()
  const before = file[section]
  const parts = isJsonObject(before) ? before : {}
  const after = part === undefined ? value : { ...parts, [part]: value }
  await write({ ...file, [section]: after })
}

/** Empty where there is no such file. */
async function readReliability(): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(FILE, 'utf8').catch(() => '{}')
  const value = parseJson(text)
  return isJsonObject(value) ? value : {}
}

async function write(value: object): Promise<void> {
  await writeFile(FILE, `${JSON.stringify(value, undefined, 2)}\n`)
}
