/**
 * Judges whether every line of src/ stands in the right room: imports point down the floors, rooms on one floor do not
 * know each other, nothing goes in a circle, and files are named, opened and sized as the house style says.
 */

import { importsOf } from './imports.ts'
import type { SourceFiles } from './source-files.ts'

export interface House {
  /**
   * Room -> floor. Rooms on one floor never import each other. Fractions order the ground floor, whose three rooms may.
   */
  readonly floors: Readonly<Record<string, number>>
  /** Rooms that only these files may import, whatever their floor. */
  readonly closedRooms: Readonly<Record<string, readonly string[]>>
  readonly linesMax: number
  /** Tests are lists of cases, and may be longer. */
  readonly testLinesMax: number
  /** Files that are one table of data, which may be as long as its rows. */
  readonly tables: readonly string[]
}

interface Arrow {
  readonly from: string
  readonly to: string
  readonly line: number
}

/** The complaints about the imports of src/, each naming both files. */
export function checkImports(files: SourceFiles, house: House): readonly string[] {
  const sources = onlySources(files)
  const arrows = [...sources].flatMap(([path, text]) => arrowsOf(path, text))
  return [
    ...unknownRooms(sources, house),
    ...arrows.flatMap((arrow) => judgeArrow(arrow, files, house)),
    ...circles(arrows),
  ]
}

/** The complaints about names, openings, lengths and tests. */
export function checkStyle(files: SourceFiles, house: House): readonly string[] {
  const sources = onlySources(files)
  return [...sources].flatMap(([path, text]) => [
    ...badName(path),
    ...missingOpening(path, text),
    ...tooLong(path, text, house),
    ...oldFunctions(path, text),
    ...strayTest(path, sources),
  ])
}

function onlySources(files: SourceFiles): SourceFiles {
  return new Map([...files].filter(([path]) => path.startsWith('src/') && path.endsWith('.ts')))
}

function arrowsOf(path: string, text: string): readonly Arrow[] {
  return importsOf(text)
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier, line }) => ({ from: path, to: resolvePath(path, specifier), line }))
}

function resolvePath(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1)
}

/** `src/<room>/...` -> room; undefined outside src/. */
function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1]
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts')
}

/** Tests and what only tests use. */
function servesTests(path: string): boolean {
  return /\.(?:test|contract|test-support)\.ts$/.test(path)
}

function unknownRooms(sources: SourceFiles, house: House): readonly string[] {
  return [...sources.keys()]
    .filter((path) => house.floors[roomOf(path) ?? ''] === undefined)
    .map((path) => `${path}: "${roomOf(path) ?? 'src'}" is no room of the house; see docs/architecture.md`)
}

function judgeArrow(arrow: Arrow, files: SourceFiles, house: House): readonly string[] {
  const where = `${arrow.from}:${arrow.line} imports ${arrow.to}`
  const room = roomOf(arrow.from)
  const target = roomOf(arrow.to)
  if (target === undefined) {
    return servesTests(arrow.from) || arrow.to.endsWith('.json') ? [] : [`${where}: it stands outside src/`]
  }
  if (!files.has(arrow.to)) return [`${where}: there is no such file`]
  if (isTest(arrow.to) || (servesTests(arrow.to) && !servesTests(arrow.from))) {
    return [`${where}: nothing may depend on a test`]
  }
  if (room === undefined || room === target) return []
  return [...judgeFloors(where, room, target, house), ...judgeDoor(where, arrow.from, target, house)]
}

function judgeFloors(where: string, room: string, target: string, house: House): readonly string[] {
  const from = house.floors[room]
  const to = house.floors[target]
  if (from === undefined || to === undefined || to < from) return []
  const reason = to === from ? 'rooms on one floor do not import each other' : 'imports point down'
  return [`${where}: ${reason} (${room} is on floor ${Math.floor(from)}, ${target} on ${Math.floor(to)})`]
}

function judgeDoor(where: string, from: string, target: string, house: House): readonly string[] {
  const doors = house.closedRooms[target]
  if (doors === undefined || doors.includes(from) || isTest(from)) return []
  return [`${where}: only ${doors.join(' and ')} may import ${target}/`]
}

/** One complaint per circle: a depth-first walk that meets a file it is still inside of. */
function circles(arrows: readonly Arrow[]): readonly string[] {
  const next = Map.groupBy(arrows, (arrow) => arrow.from)
  const finished = new Set<string>()
  const found: string[] = []
  const walk = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path)
    if (seenAt !== -1) {
      found.push(`import circle: ${[...trail.slice(seenAt), path].join(' -> ')}`)
      return
    }
    if (finished.has(path)) return
    for (const arrow of next.get(path) ?? []) walk(arrow.to, [...trail, path])
    finished.add(path)
  }
  for (const path of next.keys()) walk(path, [])
  return found
}

function badName(path: string): readonly string[] {
  const parts = path.split('/')
  const good = parts.every((part, at) =>
    (at === parts.length - 1 ? /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9-]+)*\.ts$/ : /^[a-z0-9-]+$/).test(part),
  )
  return good ? [] : [`${path}: file and folder names are kebab-case`]
}

function missingOpening(path: string, text: string): readonly string[] {
  if (isTest(path)) return []
  const opening = /^(?:#!.*\n)?\s*(?:\/\*\*?\s*([^]*?)\*\/|((?:\/\/.*\n)+))/.exec(text)
  const words = (opening?.[1] ?? opening?.[2] ?? '').match(/[a-z]{2,}/gi) ?? []
  return words.some((word) => !/^(?:todo|fixme)$/i.test(word))
    ? []
    : [`${path}: open with one or two sentences that say what lives here and why it exists`]
}

function tooLong(path: string, text: string, house: House): readonly string[] {
  const lines = text.split('\n').length - 1
  const linesMax = isTest(path) ? house.testLinesMax : house.linesMax
  return lines <= linesMax || house.tables.includes(path)
    ? []
    : [`${path}: ${lines} lines, at most ${linesMax}; find the noun that is hiding in it`]
}

/** A function that is written where it is assigned to a property: `a.b = () => c`, and with `function`, `async` or `??=`. */
const ASSIGNED_FUNCTION =
  /^.*[\w$\])]\.#?[\w$]+ (?:\?\?|\|\||&&)?= (?:async )?(?:function\b|\([^()]*\)(?:: [\w<>[\]| ]+)? =>|[\w$]+ =>)/gm

/** V8 makes such a function old at once, and what it holds is kept until the next full collection (docs/decisions/0020). */
function oldFunctions(path: string, text: string): readonly string[] {
  if (servesTests(path)) return []
  return [...text.matchAll(ASSIGNED_FUNCTION)].map(
    ([line]) =>
      `${path}: "${line.trim()}": a function assigned to a property where it is written is made in V8's old generation; give it a name first`,
  )
}

/** A test stands in the folder of the code it tests. */
function strayTest(path: string, sources: SourceFiles): readonly string[] {
  if (!isTest(path)) return []
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  const hasCode = [...sources.keys()].some((other) => other.startsWith(folder) && !isTest(other))
  return hasCode ? [] : [`${path}: there is no code beside this test`]
}
