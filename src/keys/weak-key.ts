/** Keys that a guesser tries first, refused before they guard anything (SEC-17). */

/** The shortest client key, characters. */
export const KEY_LENGTH_MIN = 16
/** The fewest different characters in a client key. */
const KEY_VARIETY_MIN = 6

/** What documentation, examples and tired people write, compared without case and without separators. */
const WELL_KNOWN_PARTS = [
  'changeme',
  'password',
  'passw0rd',
  'yourapikey',
  'yourkey',
  'yoursecret',
  'yourtoken',
  'apikeyhere',
  'keyhere',
  'placeholder',
  'example',
  'letmein',
  'insert',
  'replaceme',
  'notneeded',
  'testkey',
  'dummy',
] as const
/** Runs that fill a key without making it harder to guess. */
const RUNS = ['0123456789', '1234567890', 'abcdefghijklmnopqrstuvwxyz', 'qwertyuiop'] as const
/** How much of a key may be a run. */
const RUN_SHARE_MAX = 0.5

/** What makes a key easy to guess, as the end of a sentence that begins with the key's name; `undefined` for a good one. */
export function describeKeyWeakness(key: string): string | undefined {
  if (key === '') return 'is empty'
  if (key.length < KEY_LENGTH_MIN)
    return `is only ${key.length} characters long, at least ${KEY_LENGTH_MIN} are needed`
  if (/\s/.test(key)) return 'holds white space'
  if (new Set(key).size < KEY_VARIETY_MIN) return 'repeats a few characters and can be guessed'
  const plain = key.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  if (WELL_KNOWN_PARTS.some((part) => plain.includes(part)))
    return 'is a placeholder that others know as well'
  if (longestRun(plain) > key.length * RUN_SHARE_MAX) return 'counts up and can be guessed'
  return undefined
}

/** Whether a guesser would try this key: empty, shorter than 16 characters, or well known. */
export function isWeakKey(key: string): boolean {
  return describeKeyWeakness(key) !== undefined
}

/** The length of the longest stretch of `plain` that follows one of the runs, round and round. */
function longestRun(plain: string): number {
  return Math.max(...RUNS.map((run) => longestStretch(plain, run)))
}

function longestStretch(plain: string, run: string): number {
  let longest = 0
  let length = 0
  for (let index = 0; index < plain.length; index += 1) {
    const place = run.indexOf(plain.charAt(index))
    const follows =
      index > 0 && place >= 0 && plain.charAt(index - 1) === run.charAt((place || run.length) - 1)
    length = follows ? length + 1 : Math.min(1, place + 1)
    longest = Math.max(longest, length)
  }
  return longest
}
