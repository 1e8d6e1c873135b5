/** Says in plain words that Node is too old, before anything is loaded that an old Node would trip over. */

/** The oldest Node that runs this, as in package.json's `engines`. */
export const NODE_MIN = [24, 15] as const

/** What to do, or `undefined` where this Node will do. */
export function whyNodeIsTooOld(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [minMajor, minMinor] = NODE_MIN
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return undefined
  return (
    `Holdfast needs Node ${minMajor}.${minMinor} or newer; this is Node ${version}.\n` +
    'Install a newer one from https://nodejs.org, or run it inside the repository with npm start, which brings its own.'
  )
}
