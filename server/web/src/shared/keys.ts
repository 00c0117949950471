/** What browsers report for a key that belongs to an input method. */
const KEY_OF_INPUT_METHOD = 229;

/**
 * True for the Enter that sends. Shift+Enter is a new line, and an Enter that picks a candidate of an input method must
 * not send: Safari reports that one after the composition has ended, with the input method's key code.
 */
export const sendsMessage = (event: KeyboardEvent): boolean =>
  event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== KEY_OF_INPUT_METHOD;
