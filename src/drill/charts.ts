/** Charts as inline SVG: lines over the day, and bars of what a breaker was. Pure; every text is escaped. */

import { escapeHtml } from './escape-html.ts'
import { sayMoment } from './say.ts'

const WIDTH = 720
const HEIGHT = 140
const LEFT = 64
const BOTTOM = 20
const TOP = 8

export interface Line {
  readonly name: string
  /** Its colour, and with 2 also its dashes: lines of one chart can be told apart without colours. */
  readonly tone: 1 | 2 | 3 | 4
  /** One for each step; absent where there is nothing to say. */
  readonly values: readonly (number | undefined)[]
}

export interface Band {
  readonly fromMs: number
  readonly untilMs: number
  readonly name: string
}

export interface LineChart {
  readonly title: string
  readonly lines: readonly Line[]
  readonly dayMs: number
  readonly say: (value: number) => string
  /** Times that are shaded: when something went wrong. */
  readonly bands: readonly Band[]
  /** The top of the scale at least. */
  readonly to?: number
}

/** The scale begins at 0, so that small differences do not look like large ones. */
export function lineChart({ title, lines, dayMs, say, bands, to = 0 }: LineChart): string {
  const values = lines.flatMap((line) => line.values.filter((value) => value !== undefined))
  const high = Math.max(to, ...values, Number.EPSILON)
  const y = (value: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / high)
  const scale = [0, high].map(
    (value) =>
      `<text x="${LEFT - 6}" y="${round(y(value) + 4)}" class="scale">${escapeHtml(say(value))}</text>`,
  )
  const legend = lines.map(({ name, tone }) => `<span class="key tone${tone}">${escapeHtml(name)}</span>`)
  return figure({
    title,
    inside: [
      ...bands.map((band) => bandOf(band, dayMs)),
      ...lines.map((line) => lineOf(line, y)),
      ...scale,
      hours(dayMs, HEIGHT),
    ].join(''),
    legend: legend.join(' '),
    height: HEIGHT,
  })
}

function bandOf({ fromMs, untilMs, name }: Band, dayMs: number): string {
  const left = xOf(fromMs, dayMs)
  const width = Math.max(1, xOf(untilMs, dayMs) - left)
  return `<rect class="band" x="${round(left)}" y="${TOP}" width="${round(width)}" height="${HEIGHT - TOP - BOTTOM}"><title>${escapeHtml(name)}</title></rect>`
}

function lineOf({ name, tone, values }: Line, y: (value: number) => number): string {
  const step = (WIDTH - LEFT) / Math.max(1, values.length)
  const marks = runsOf(values).map((run) => {
    const points = run.map(([index, value]) => `${round(LEFT + step * (index + 0.5))},${round(y(value))}`)
    // A line of one point would not be seen.
    return run.length === 1
      ? `<circle class="tone${tone}" cx="${points[0]?.split(',')[0]}" cy="${points[0]?.split(',')[1]}" r="1.6"/>`
      : `<polyline class="tone${tone}" points="${points.join(' ')}"/>`
  })
  return `<g><title>${escapeHtml(name)}</title>${marks.join('')}</g>`
}

export interface BarRow {
  readonly name: string
  readonly bars: readonly { readonly fromMs: number; readonly untilMs: number; readonly state: string }[]
}

const ROW = 22

export interface BarChart {
  readonly title: string
  readonly rows: readonly BarRow[]
  readonly dayMs: number
}

export function barChart({ title, rows, dayMs }: BarChart): string {
  const height = rows.length * ROW + BOTTOM
  const drawn = rows.map(({ name, bars }, index) => {
    const top = index * ROW
    const rects = bars.map(({ fromMs, untilMs, state }) => {
      const left = xOf(fromMs, dayMs)
      const told = `${name}: ${state} from ${sayMoment(fromMs)}`
      return `<rect class="state-${escapeHtml(state)}" x="${round(left)}" y="${top + 4}" width="${round(Math.max(1, xOf(untilMs, dayMs) - left))}" height="${ROW - 8}"><title>${escapeHtml(told)}</title></rect>`
    })
    return `<rect class="track" x="${LEFT}" y="${top + 4}" width="${WIDTH - LEFT}" height="${ROW - 8}"/>${rects.join('')}<text x="${LEFT + 4}" y="${top + 15}">${escapeHtml(name)}</text>`
  })
  const states = [...new Set(rows.flatMap(({ bars }) => bars.map(({ state }) => state)))]
  const legend = states.map(
    (state) => `<span class="key mark-${escapeHtml(state)}">${escapeHtml(state)}</span>`,
  )
  return figure({ title, inside: drawn.join('') + hours(dayMs, height), legend: legend.join(' '), height })
}

interface Figure {
  readonly title: string
  readonly inside: string
  readonly legend: string
  readonly height: number
}

function figure({ title, inside, legend, height }: Figure): string {
  const svg = `<svg role="img" aria-label="${escapeHtml(title)}" viewBox="0 0 ${WIDTH} ${height}">${inside}</svg>`
  return `<figure><figcaption>${escapeHtml(title)} ${legend}</figcaption>${svg}</figure>`
}

function xOf(ms: number, dayMs: number): number {
  return LEFT + ((WIDTH - LEFT) * Math.min(ms, dayMs)) / dayMs
}

function hours(dayMs: number, height: number): string {
  const texts = [0, 6, 12, 18, 24].map((hour) => {
    const anchor = hour === 24 ? 'end' : 'middle'
    const x = round(xOf(hour * 3_600_000, dayMs))
    return `<text x="${x}" y="${height - 4}" text-anchor="${anchor}">${String(hour).padStart(2, '0')}:00</text>`
  })
  return texts.join('')
}

/** Values that stand side by side, with their places. */
function runsOf(values: readonly (number | undefined)[]): readonly (readonly [number, number][])[] {
  const runs: [number, number][][] = []
  for (const [index, value] of values.entries()) {
    if (value === undefined) continue
    const last = runs.at(-1)
    if (last?.at(-1)?.[0] === index - 1) last?.push([index, value])
    else runs.push([[index, value]])
  }
  return runs
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
