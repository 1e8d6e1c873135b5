/** How a command ends, for scripts. The numbers are stable: a new meaning takes a new number. */

export const exitCodes = {
  /** Done, and all is well. */
  ok: 0,
  /** The command ran and found something wrong: an unhealthy provider, an unexpected failure. */
  failed: 1,
  /** The configuration, a scenario file or the command line is wrong; what is printed says where. */
  configuration: 2,
  /** The address cannot be listened on: in use, not allowed, not ours. */
  address: 3,
  /** This machine or its environment does not allow it: Node is too old, certificate checks are switched off. */
  environment: 4,
  /** No gateway answers where one was asked. */
  unreachable: 5,
  /** Interrupted before it was done (a second Ctrl-C). */
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]
