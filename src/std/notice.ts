/** Something an operator should know that is no request: security events, alerts, what is away and what is back. */

export interface Notice {
  readonly level: 'info' | 'warn' | 'error'
  /** Stable, snake_case: `credential_rejected`, `config_reloaded`, `store_away`, ... */
  readonly name: string
  readonly message: string
  readonly facts?: Readonly<Record<string, string | number | boolean>>
}
