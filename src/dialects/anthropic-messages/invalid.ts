/** The refusal of a request whose field is wrong: names the field, what is wrong and how to mend it; never its value. */

import { GatewayError } from '../../errors/gateway-error.ts'

/** `invalid('messages.0.role', 'must be a string', 'send "user"')`. */
export function invalid(param: string, fault: string, mend: string): GatewayError {
  return new GatewayError('invalid_request', `${param} ${fault}: ${mend}.`, { param })
}
