/** What was asked cannot be done, for a reason that lies in what was asked; the message is for whoever asked. */

export class CommandRefusal extends Error {
  override readonly name = 'CommandRefusal'
}
