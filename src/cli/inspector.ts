/** Whether Node's inspector may be open in a process that serves: who reaches it reads every secret and runs what he likes (SEC-28). */

export const INSPECTOR_VARIABLE = 'HOLDFAST_ALLOW_INSPECTOR'

type Environment = Readonly<Record<string, string | undefined>>

/** Somebody who looks for a fault asks for it by name. */
export function allowsInspector(env: Environment): boolean {
  return env[INSPECTOR_VARIABLE] === '1'
}

/** Why a gateway does not start; `undefined` where no inspector is open, or where it may be. */
export function whyNotInspected(url: string | undefined, env: Environment): string | undefined {
  if (url === undefined || allowsInspector(env)) return undefined
  // Its path is what lets in: it is not repeated.
  return `Node's inspector is open on ${new URL(url).host}: who reaches it reads every key and prompt. Start without --inspect (also in NODE_OPTIONS), or set ${INSPECTOR_VARIABLE}=1 to look for a fault.`
}
