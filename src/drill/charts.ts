/** Charts as inline SVG: lines over the day, and bars of what a breaker was. Pure; every text is escaped. */

import { sayMoment } from './say.ts'

const WIDTH = 720
const HEIGHT = 140
const LEFT = 64
const BOTTOM = 20
const TOP = 8

export interface Line {
  readonly name: string
  /** 1 to 4: its colour. */
  readonly tone: 1 | 2 | 3 | 4
  /** One for each step; absent where there is nothing to say. */
  readonly values: readonly (number | undefined)[]
}

export interface LineChart {
  readonly title: string
  readonly lines: readonly Line[]
  readonly dayMs: number
  readonly say: (value: number) => string
  /** Both ends of the scale where they do not follow from the values. */
  readonly from?: number
  readonly to?: number
}

export function lineChart({ title, lines, dayMs, say, from, to }: LineChart): string {
  const values = lines.flatMap((line) => line.values.filter((value) => value !== undefined))
  const low = from ?? 0
  const high = Math.max(to ?? 0, ...values, low + Number.EPSILON)
  const y = (value: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low))
  const drawn = lines.map(({ name, tone, values: own }) => {
    const step = (WIDTH - LEFT) / Math.max(1, own.length)
    const runs = runsOf(own).map((run) =>
      run
        .map(([index, value]) => `${round(LEFT + step * (index + 0.5))},${round(y(Math.max(low, value)))}`)
        .join(' '),
    )
    const marks = runs.map((points) => `<polyline class="tone${tone}" points="${points}"/>`).join('')
    return `<g><title>${escapeHtml(name)}</title>${marks}</g>`
  })
  const scale = [low, high].map(
    (value) =>
      `<text x="${LEFT - 6}" y="${round(y(value) + 4)}" class="scale">${escapeHtml(say(value))}</text>`,
  )
  const legend = lines
    .map(({ name, tone }) => `<span class="key tone${tone}">${escapeHtml(name)}</span>`)
    .join(' ')
  return figure(title, `${drawn.join('')}${scale.join('')}${hours(dayMs)}`, legend)
}

export interface BarRow {
  readonly name: string
  readonly bars: readonly { readonly fromMs: number; readonly untilMs: number; readonly state: string }[]
}

const ROW = 22

export function barChart(title: string, rows: readonly BarRow[], dayMs: number): string {
  const height = rows.length * ROW + BOTTOM
  const x = (ms: number) => LEFT + ((WIDTH - LEFT) * Math.min(ms, dayMs)) / dayMs
  const drawn = rows.map(({ name, bars }, index) => {
    const top = index * ROW
    const rects = bars.map(({ fromMs, untilMs, state }) => {
      const width = Math.max(1, x(untilMs) - x(fromMs))
      const told = `${name}: ${state} from ${sayMoment(fromMs)}`
      return `<rect class="state-${escapeHtml(state)}" x="${round(x(fromMs))}" y="${top + 4}" width="${round(width)}" height="${ROW - 8}"><title>${escapeHtml(told)}</title></rect>`
    })
    return `<rect class="track" x="${LEFT}" y="${top + 4}" width="${WIDTH - LEFT}" height="${ROW - 8}"/>${rects.join('')}<text x="${LEFT + 4}" y="${top + 15}" class="row">${escapeHtml(name)}</text>`
  })
  return figure(title, `${drawn.join('')}${hours(dayMs, height)}`, '', height)
}

function figure(title: string, inside: string, legend: string, height = HEIGHT): string {
  const svg = `<svg role="img" aria-label="${escapeHtml(title)}" viewBox="0 0 ${WIDTH} ${height}">${inside}</svg>`
  return `<figure><figcaption>${escapeHtml(title)} ${legend}</figcaption>${svg}</figure>`
}

function hours(dayMs: number, height = HEIGHT): string {
  return [0, 6, 12, 18, 24]
    .map((hour) => {
      const x = LEFT + ((WIDTH - LEFT) * Math.min(hour * 3_600_000, dayMs)) / dayMs
      return `<text x="${round(x)}" y="${height - 4}" class="hour">${String(hour).padStart(2, '0')}:00</text>`
    })
    .join('')
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

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
